"""How `--help` looks: what a command does, examples as one types them, then its options."""

from __future__ import annotations

import inspect
from typing import Any

import typer.core


class Command(typer.core.TyperCommand):
    """A command whose help keeps the lines of its examples and names its arguments once."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # what typer passes on
        super().__init__(*args, **settings)
        for argument in self._arguments():
            # a second list of arguments would only repeat the first line
            argument.hidden = not argument.help

    def _arguments(self) -> list[typer.core.TyperArgument]:
        return [parameter for parameter in self.params if isinstance(parameter, typer.core.TyperArgument)]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the context of typer's parser
        pieces = ["[OPTIONS]"]
        for argument in self._arguments():
            shown = argument.metavar or str(argument.name).upper()
            pieces.append(shown if argument.required or shown.startswith("[") else f"[{shown}]")
        return pieces

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # typer's, which it does not export
        text, _, examples = inspect.cleandoc(self.help or "").partition("Examples:\n")
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(text.strip())
        if examples:
            formatter.write("\n  Examples:\n")
            for line in examples.splitlines():
                if line.strip():
                    formatter.write(f"  {line}\n")
