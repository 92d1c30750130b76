"""The bar of long work: on a terminal only, and honest about what failed."""

from __future__ import annotations

import io
import sys
import time

import pytest

from kubectl_sops.cli import progress


class Terminal(io.StringIO):
    """What a terminal is sent."""

    def isatty(self) -> bool:
        return True


def _terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    # not a fixture: pytest puts its own stream in place between that and the test
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return stream


def test_done_and_failed_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many of how many, and how many of them failed."""
    terminal = _terminal(monkeypatch)
    failures: list[str] = []
    seen = []
    for number in progress.track([1, 2, 3, 4], "Rotating", failures=failures):
        seen.append(number)
        if number == 2:
            failures.append("x")
        time.sleep(0.15)  # the bar is drawn ten times a second
    assert seen == [1, 2, 3, 4]
    shown = terminal.getvalue()
    assert "Rotating" in shown
    assert "3/4" in shown
    assert "1 failed" in shown
    assert "1 failed" not in shown[: shown.index("1/4")]


def test_nothing_is_shown_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with --quiet, and not where stderr is a file; nor when it takes less than a second."""
    terminal = _terminal(monkeypatch)
    assert list(progress.track([1, 2], "Rotating", quiet=True)) == [1, 2]
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    assert list(progress.track([1, 2], "Rotating")) == [1, 2]
    assert terminal.getvalue() == ""
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    assert list(progress.track([1, 2], "Rotating")) == [1, 2]
    assert file.getvalue() == ""
