"""The executable: which door was used, and the error boundary.

The hot path of every build: each plugin and each function is a process of its own. Only what a call needs is imported.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops.errors import (
    BUG_EXIT_CODE,
    INTERRUPTED_EXIT_CODE,
    SopsError,
    UnreadableFileError,
    UnwritableFileError,
    UsageError,
)
from kubectl_sops.program import begin, buffer_output, leave

if TYPE_CHECKING:
    from typing import Any

PROGRAM = "krm-sops"
PREDECESSORS = ("ksops", "SopsSecretGenerator")
"""Names by which it serves every configuration as that program did."""


def main(argv: list[str] | None = None) -> None:
    """Serve whichever door was used, and exit."""
    words = list(sys.argv if argv is None else argv)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # for as long as the program runs
    begin(main)
    buffer_output()
    name = os.path.basename(words[0])
    if name not in PREDECESSORS:
        name = PROGRAM  # as a plugin it is called by the name of the configuration's kind
    code = _guarded(name, words[1:], dict(os.environ))
    leave(code)


def _guarded(name: str, args: list[str], environ: dict[str, str]) -> int:
    try:
        if args and os.path.isfile(args[0]):
            return _legacy(name, args, environ)
        if args and args[0].endswith((".yaml", ".yml", ".json")):
            raise UnreadableFileError(f"unable to read in manifest: {args[0]}")
        if args and not args[0].startswith("--require-mac"):
            return _command(name, args)
        if sys.stdin is None or sys.stdin.isatty():
            return _command(name, ["--help"])
        return _krm(name, args, environ)
    except SopsError as error:
        report(error, name)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED_EXIT_CODE
    except BrokenPipeError:
        sys.stderr.write(f"{name}: error: the reader of the output has gone\n")
        # or Python would try once more at exit, and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:  # the one place that must not let an exception print its text
        if environ.get("KUBECTL_SOPS_DEBUG") == "1":
            raise
        sys.stderr.write(f"{name}: error: this is a bug in krm-sops: {type(error).__name__}\n")
        sys.stderr.write(f"{name}: hint: KUBECTL_SOPS_DEBUG=1 shows where; the traceback may hold plaintext\n")
        return BUG_EXIT_CODE


def _command(name: str, args: list[str]) -> int:
    from krm_fn.cli import run

    return run(name, args)


def _legacy(name: str, args: list[str], environ: dict[str, str]) -> int:
    """A legacy plugin: the configuration is a file, resources come as a stream, stdout on success only."""
    from krm_fn.function import Call, working_folder
    from krm_fn.resource_list import Input, read_stream

    folder = working_folder()
    declared = environ.get("KUSTOMIZE_PLUGIN_CONFIG_ROOT")
    if declared and os.path.realpath(declared) != os.path.realpath(folder):
        raise UsageError(
            "the working directory is not KUSTOMIZE_PLUGIN_CONFIG_ROOT", hint="let kustomize start the plugin"
        )
    config = _read_config(args[0])
    options = parse_options(args[1:])
    stdin = b"" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read()
    call = Call(name, environ, folder)
    out = call.run(config, read_stream(stdin) if stdin.strip() else Input([]), options)
    _print(out, name, call)
    return 0


def _krm(name: str, args: list[str], environ: dict[str, str]) -> int:
    """A KRM function: everything in one ResourceList, results beside the text on stderr."""
    from krm_fn.function import Call, results, working_folder
    from krm_fn.resource_list import read_resource_list, write

    try:
        given = read_resource_list(sys.stdin.buffer.read())
        call = Call(name, environ, working_folder())
        out = call.run(given.function_config, given, parse_options(args))
    except SopsError as error:
        report(error, name)
        _write(write([], results(error)))
        return 1
    _print(out, name, call)
    return 0


def _print(out: bytes, name: str, call: Any) -> None:  # a Call, whose module is loaded on demand
    for warning in call.warnings:
        sys.stderr.write(f"{name}: warning: {warning['message']}\n")
    _write(out)


def _write(out: bytes) -> None:
    # all or nothing: kustomize deletes what a transformer does not return
    if sys.stdout is None:
        raise UnwritableFileError("stdout is closed")
    try:
        sys.stdout.buffer.write(out)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnwritableFileError(f"the output can't be written: {error.strerror}") from None


def _read_config(path: str) -> dict[str, Any]:
    from krm_fn.root import read_regular
    from kubectl_sops.errors import ParseError
    from kubectl_sops.formats.yaml_load import load_all

    try:
        data = read_regular(os.path.realpath(path), path)
    except SopsError:
        raise UnreadableFileError(f"unable to read in manifest: {path}") from None
    try:
        documents = load_all(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ParseError("not UTF-8", file=path) from None
    except SopsError as error:
        raise error.at(path) from None
    config = documents[0] if documents else None
    if not isinstance(config, dict) or not config.get("apiVersion") or not config.get("kind"):
        raise UsageError("not a function configuration: apiVersion or kind is missing", file=path)
    return config


def parse_options(args: list[str]) -> dict[str, object]:
    """Options that a configuration passes as arguments (``argsOneLiner``, ``argsFromFile``, ``exec.args``).

    They come from the repository, so they can only say what the configuration could say, too.
    """
    options: dict[str, object] = {}
    rest = list(args)
    while rest:
        name, mark, value = rest.pop(0).partition("=")
        if name != "--require-mac":
            raise UsageError(
                "unknown option", file=name if name.startswith("-") else None, hint="there is --require-mac"
            )
        if not mark:
            value = rest.pop(0) if rest else ""
        if value not in ("error", "warn", "off"):
            raise UsageError("--require-mac: expected error, warn or off")
        options["requireMac"] = value
    return options


def report(error: SopsError, name: str) -> None:
    """Print problems and hints on stderr, which is all that kustomize shows."""
    from krm_fn.problems import all_of

    told: set[str] = set()
    for problem in all_of(error):
        lines = [f"{name}: error: {problem}\n"]
        more = [f"  {line}\n" for line in getattr(problem, "tried", ())]
        more += [f"{name}: hint: {problem.hint}\n"] if problem.hint else []
        # a hundred resources without a key have one reason
        lines += [line for line in more if line not in told]
        told.update(more)
        sys.stderr.write("".join(lines))


if __name__ == "__main__":
    main()
