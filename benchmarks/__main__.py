"""``python -m benchmarks``: runs the cases and prints the table."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from benchmarks import cases
from benchmarks.measure import CASES, OURS, Case, Outcome, measure
from benchmarks.workshop import Workshop, find

_ROW = "{:<22} {:>10} {:<10} {:>10} {:>18}  {:<22} {}"


def main() -> int:
    """Run the wanted cases; 1 where a goal was missed."""
    for module in iter_modules(cases.__path__):
        import_module(f"benchmarks.cases.{module.name}")
    parser = argparse.ArgumentParser(prog="benchmarks/run", description="Ratios against real sops, in the same run.")
    parser.add_argument("names", metavar="CASE", nargs="*", help=", ".join(CASES))
    parser.add_argument("--quick", action="store_true", help="a third of the rounds, a tenth of the input")
    arguments = parser.parse_args()
    wanted = [c for c in CASES.values() if not arguments.names or c.name.startswith(tuple(arguments.names))]
    if not wanted:
        parser.error(f"no such case; there is {', '.join(CASES)}")
    version = subprocess.run(
        [find("sops"), "--version", "--disable-version-check"], capture_output=True, text=True, check=True
    )
    print(f"{version.stdout.split(chr(10))[0]} · Python {platform.python_version()} · {os.cpu_count()} cores\n")
    print(_ROW.format("case", "ours", "rival", "rival's", "ours/rival", "goal", ""))
    missed = 0
    for wanted_case in wanted:
        missed += _show(wanted_case, _run(wanted_case, quick=arguments.quick))
    return 1 if missed else 0


def _run(wanted: Case, *, quick: bool) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="kubectl-sops-bench-") as folder:
        contestants = wanted.contestants(Workshop(Path(folder), 0.1 if quick else 1))
        for run in contestants.values():
            run()
        return measure(contestants, max(1, wanted.rounds // 3) if quick else wanted.rounds)


def _show(wanted: Case, outcome: Outcome) -> int:
    missed = 0
    goals = {goal.rival: goal for goal in wanted.goals}
    name = wanted.name
    for rival, ratio in outcome.ratios.items():
        goal = goals.get(rival)
        verdict = "" if goal is None else "reached" if ratio <= goal.most else "MISSED"
        missed += verdict == "MISSED"
        beside = f"{ratio:.2f} ×" if ratio >= 1 else f"{ratio:.2f} (1/{1 / ratio:.1f})"
        times = _time(outcome.seconds[OURS]), rival, _time(outcome.seconds[rival])
        print(_ROW.format(name, *times, beside, str(goal or ""), verdict).rstrip(), flush=True)
        name = ""
    print(f"  {wanted.about}")
    return missed


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


if __name__ == "__main__":
    sys.exit(main())
