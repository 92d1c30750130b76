"""The program: finds the command, runs it, and turns every error into a message and an exit code."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from kubectl_sops.cli import option_table
from kubectl_sops.cli.commands import COMMANDS
from kubectl_sops.errors import BUG_EXIT_CODE, INTERRUPTED_EXIT_CODE, SopsError, UsageError
from kubectl_sops.program import begin, buffer_output, leave

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import typer


def program_name(argv0: str) -> str:
    """How the user called us: ``kubectl sops``, ``flux sops``, ``sops`` or ``kubectl-sops``."""
    name = os.path.basename(argv0).removesuffix(".py")
    if name in ("kubectl-sops", "kubectl_sops") and os.environ.get("_") and _called_by("kubectl"):
        return "kubectl sops"
    if name == "flux-sops":
        return "flux sops"
    return "sops" if name == "sops" else "kubectl-sops"


def _called_by(parent: str) -> bool:
    # kubectl replaces itself by the plugin (exec), so that the shell's `_` still names kubectl
    return os.path.basename(os.environ.get("_", "")) == parent


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    args = list(sys.argv[1:] if argv is None else argv)
    name = program_name(sys.argv[0])
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from kubectl_sops.cli.terminal import open_streams

        open_streams()
    begin(main)
    buffer_output()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # names of files and keys can hold bytes that are not UTF-8; they are printed as they are
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
    if os.path.basename(sys.argv[0]).startswith("kubectl_complete-"):
        args.insert(0, "__complete")  # how kubectl asks a plugin for completions
    if name == "sops":
        from kubectl_sops.cli import sops_front

        leave(guard(lambda: sops_front.main(args), name))
    leave(guard(lambda: _run(name, args), name))


def guard(run: Callable[[], int | None], name: str) -> int:
    """The error boundary: run, and report whatever happened; the exit code."""
    try:
        code = run() or 0
        sys.stdout.flush()
    except SopsError as error:
        return _failed(error, name)
    except (KeyboardInterrupt, EOFError):  # Ctrl-C, and Ctrl-D at a question
        _show("")
        return INTERRUPTED_EXIT_CODE
    except BrokenPipeError:
        _drop_output()  # the reader has gone (`| head`)
        return 141
    except MemoryError:
        return _failed(SopsError("not enough memory", hint="a SOPS file is read as a whole: split it"), name)
    except Exception as error:  # the one place that must not let an exception print its text
        if os.environ.get("KUBECTL_SOPS_DEBUG") == "1":
            raise
        if isinstance(error, OSError):
            from kubectl_sops.cli.terminal import as_failure

            failure = as_failure(error)
            if failure is not None:
                _drop_output()
                return _failed(failure, name)
        _show(
            f"{prefix(name)}: error: this is a bug in kubectl-sops: {type(error).__name__}\n"
            f"{prefix(name)}: hint: KUBECTL_SOPS_DEBUG=1 shows where; the traceback may hold plaintext"
        )
        return BUG_EXIT_CODE
    return code


def _failed(error: SopsError, name: str) -> int:
    report(error, name)
    if name == "sops" and isinstance(error, UsageError):
        return 1  # sops has no code for it: its 2 is a file that can't be read
    return error.exit_code


def _drop_output() -> None:
    # a second attempt to write it, at exit, would complain again
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:
        pass  # not a file at all


def _show(text: str) -> None:
    from kubectl_sops.cli.terminal import show

    show(text)


def prefix(name: str | None = None) -> str:
    """What stands in front of a message: the name of the program, as ``report`` takes it."""
    name = name or program_name(sys.argv[0])
    return "kubectl-sops" if name == "kubectl sops" else name.replace(" ", "-")


def report(error: SopsError, name: str | None = None) -> None:
    """Print an error and its hint on stderr; under the name ``sops`` in its words, without a prefix.

    Args:
        name: as ``program_name`` gives it; by default the one we were called by.
    """
    name = name or program_name(sys.argv[0])
    if name == "sops":
        from kubectl_sops.cli.sops_front import message

        _show(message(error))
        return
    lines = [f"{prefix(name)}: error: {error}"]
    lines += [f"  {line}" for line in getattr(error, "tried", None) or ()]
    if error.next_step:
        lines.append(f"{prefix(name)}: hint: {error.next_step}")
    _show("\n".join(lines))


def _run(name: str, args: list[str]) -> int | None:
    try:
        return _run_plain(args)
    except option_table.NotPlain:
        pass
    if args[:1] == ["--version"]:
        args = ["version"]
    if args[:1] == ["help"]:  # as kubectl and flux have it
        args = [*args[1:], "--help"]
    if args and args[0] == "__complete":
        from kubectl_sops.cli.completion import answer

        return answer(args[1:])
    return _run_typer(name, args)


def _run_plain(args: list[str]) -> int | None:
    """Run a command whose command line is well-formed, without typer, which costs more than `decrypt` itself."""
    entry = COMMANDS.get(args[0]) if args else None
    if entry is None:
        raise option_table.NotPlain
    command, rest = getattr(_load(entry[0]), entry[1]), args[1:]
    if isinstance(command, option_table.Group):
        command, rest = command.commands.get(rest[0]) if rest else None, rest[1:]
    if not isinstance(command, option_table.Command):
        raise option_table.NotPlain
    return option_table.call(rest, command, dict(os.environ))


def _run_typer(name: str, args: list[str]) -> int:
    import typer

    app = build(name, _words(args))
    # what typer raises for a wrong command line; it exports only this subclass of it
    usage_error: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
    try:
        result = app(args, prog_name=name, standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):
            raise BrokenPipeError from None  # typer has made a plain failure of it
        raise
    except usage_error as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            return int(error.exit_code)
        text = error.format_message().rstrip(".").replace(". ", "; ")
        path = error.ctx.command_path if getattr(error, "ctx", None) else name
        raise UsageError(text[:1].lower() + text[1:], hint=f"`{path} --help` shows how it is called") from None
    return result if isinstance(result, int) else 0


def _words(args: Sequence[str]) -> list[str]:
    return [word for word in args if not word.startswith("-")][:1]


def build(name: str, wanted: Sequence[str]) -> typer.Typer:
    """The typer application; only the commands in ``wanted`` are imported, the others are there by name."""
    import typer

    from kubectl_sops.cli import help_text
    from kubectl_sops.cli.options import typer_function, typer_group

    app = typer.Typer(
        name=name,
        help="SOPS-encrypted secrets of a GitOps repository, with the cluster's own age key.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_no_options)
    for command, (module, attribute, summary) in COMMANDS.items():
        if command not in wanted:
            app.command(command, help=summary)(_no_options)
            continue
        loaded = getattr(_load(module), attribute)
        if isinstance(loaded, option_table.Group):
            app.add_typer(typer_group(loaded), name=command, help=summary)
        elif isinstance(loaded, option_table.Command):
            app.command(command, cls=help_text.Command, short_help=summary)(typer_function(loaded))
        else:
            app.command(command, cls=help_text.Command, short_help=summary)(loaded)
    return app


def _no_options() -> None:
    pass


def _load(module: str) -> object:
    from importlib import import_module

    return import_module(f"kubectl_sops.cli.{module}")
