"""The shared options in typer's form, made from ``cli.option_table``.

A command takes them by name and annotation::

    def status(paths: Paths = None, kubeconfig: Kubeconfig = None) -> None: ...

or all at once, as keyword arguments, through ``with_options``.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kubectl_sops.cli import option_table as table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def annotation(option: table.Option) -> Any:  # noqa: ANN401  # a runtime annotation
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


def with_options(*options: table.Option) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Give a command that takes ``**values`` the named options, in front of typer.

    The decorated function keeps its own parameters and receives the option values by name.
    """
    return lambda function: _with_options(function, options)


def _with_options(function: Callable[..., object], options: Iterable[table.Option]) -> Callable[..., object]:
    signature = inspect.signature(function, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    added = [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=[] if option.many else option.default,
            annotation=annotation(option),
        )
        for option in options
    ]

    def command(*args: object, **values: object) -> object:
        return function(*args, **values)

    command.__doc__ = function.__doc__
    command.__name__ = function.__name__
    own.sort(key=lambda p: p.kind)
    command.__signature__ = signature.replace(parameters=[*own, *added], return_annotation=object)  # type: ignore[attr-defined]  # typer reads it
    command.__annotations__ = {p.name: p.annotation for p in [*own, *added]}
    return command


Paths = Annotated[list[str] | None, typer.Argument(metavar="[PATH]...", show_default=False)]
"""Files, directories and ``-``."""

Output = Annotated[
    str | None,
    typer.Option("-o", "--output", metavar="json|yaml|name|wide", help="Form of the listing.", show_default=False),
]
"""``-o`` of every listing."""

DryRun = annotation(table.DRY_RUN)
Quiet = annotation(table.QUIET)
Yes = annotation(table.YES)
Verbose = annotation(table.VERBOSE)
Config = annotation(table.CONFIG)
