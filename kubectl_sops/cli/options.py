"""The shared options in typer's form, made from ``cli.option_table``.

A command is an ``option_table.Command``, or a function with typer's annotations where it shares no options.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kubectl_sops.cli import help_text
from kubectl_sops.cli import option_table as table

if TYPE_CHECKING:
    from collections.abc import Callable


def annotation(option: table.Option) -> Any:  # a runtime annotation
    """The ``Annotated`` type of an option."""
    info = typer.Option(
        *option.flags, help=option.help, metavar=option.metavar or None, envvar=option.variable or None,
        show_default=False,
    )  # fmt: skip
    if option.many:
        return Annotated[list[str], info]
    if option.kind == table.FLAG:
        return Annotated[bool, info]
    return Annotated[int | None if option.kind == table.INT else str | None, info]


def typer_function(command: table.Command) -> Callable[..., object]:
    """A function with the signature that typer needs to offer ``command``."""
    optional = command.arguments.startswith("[")
    shown = typer.Argument(metavar=command.arguments, show_default=False)
    positional = inspect.Parameter(
        "arguments",
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None if optional else inspect.Parameter.empty,
        annotation=Annotated[list[str] | None, shown] if optional else Annotated[list[str], shown],
    )
    named = [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=[] if option.many else option.default,
            annotation=annotation(option),
        )
        for option in command.options
    ]

    def function(arguments: list[str] | None = None, **values: object) -> object:
        return command.run(list(arguments or []), values)

    parameters = [positional, *named] if command.arguments else named
    function.__doc__ = command.help
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    return function


def typer_group(group: table.Group) -> typer.Typer:
    """The typer application of a command with commands below it."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    for name, command in group.commands.items():
        app.command(name, cls=help_text.Command, hidden=name in group.hidden)(typer_function(command))
    return app
