"""Completion for kubectl, flux and shells: one answer in Cobra's protocol, and scripts that ask for it.

The protocol: ``__complete WORDS… LAST`` prints a candidate a line, optionally with a tab and a description, and ends
with ``:N``, a bit field (kubectl and flux read it as Cobra defines it).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kubectl_sops.errors import SopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_SPACE, NO_FILES = 2, 4

_OPENS_ENCRYPTED = ("decrypt", "edit", "set", "unset", "rotate", "exec-env", "exec-file", "verify", "updatekeys")
_KEY_PATH = ("set", "unset")
_BUILDS = ("build", "diff", "apply")


def complete(words: list[str]) -> tuple[list[str], int]:
    """Candidates for the last of ``words``, each with a description after a tab, and the directive."""
    from kubectl_sops.cli.commands import COMMANDS

    *before, last = words or [""]
    if not before:
        return [f"{name}\t{summary}" for name, (_, _, summary) in COMMANDS.items() if name.startswith(last)], NO_FILES
    command, rest = before[0], before[1:]
    if command not in COMMANDS:
        return [], 0
    node, rest = _descend(command, rest)
    if last.startswith("-"):
        return [c for c in _flags(node) if c.startswith(last)], NO_FILES
    if rest and _takes_value(node, rest[-1]):
        return [], 0
    names = getattr(node, "commands", None)
    if names:
        return [f"{name}\t{sub.get_short_help_str()}" for name, sub in names.items() if name.startswith(last)], NO_FILES
    positional = [word for word in rest if not word.startswith("-")]
    if command in _KEY_PATH and positional:
        return list(_key_paths(positional[0], last)), NO_FILES | NO_SPACE
    if command in _OPENS_ENCRYPTED:
        return list(_encrypted(last)), NO_FILES
    if command in _BUILDS and not positional:
        return list(_kustomizations(last)), 0  # folders too
    return [], 0


def _descend(command: str, rest: list[str]) -> tuple[Any, list[str]]:
    from kubectl_sops.cli.app import build

    # typer's commands are click's, which it does not export
    node: Any = typer.main.get_command(build("kubectl-sops", [command])).commands[command]  # type: ignore[attr-defined]
    while rest and getattr(node, "commands", {}).get(rest[0]):
        node, rest = node.commands[rest[0]], rest[1:]
    return node, rest


def _flags(node: Any) -> Iterator[str]:  # a click command
    for parameter in node.params:
        for flag in parameter.opts:
            if flag.startswith("--"):
                yield f"{flag}\t{getattr(parameter, 'help', '') or ''}"


def _takes_value(node: Any, word: str) -> bool:  # a click command
    return any(word in p.opts and not getattr(p, "is_flag", False) for p in node.params)


def _kustomizations(prefix: str) -> Iterator[str]:
    from kubectl_sops.flux.catalog import Catalog
    from kubectl_sops.flux.source import read_folder
    from kubectl_sops.flux.target import top_of

    try:
        found = Catalog(read_folder(top_of("."))).kustomizations
    except SopsError:
        return
    for kustomization in found:
        name = f"kustomization/{kustomization.name}"
        if name.startswith(prefix):
            yield f"{name}\t{kustomization.path}"


def _encrypted(prefix: str) -> Iterator[str]:
    from kubectl_sops.repo.find import encrypted_files

    folder = os.path.dirname(prefix) or "."
    if os.path.isdir(folder):
        for path in encrypted_files([folder]):
            shown = os.path.normpath(path)
            if shown.startswith(prefix):
                yield shown


def _key_paths(file: str, prefix: str) -> Iterator[str]:
    from kubectl_sops import formats
    from kubectl_sops.files.read import read

    document = formats.parse(read(file), formats.format_of(file))
    seen = dict.fromkeys(
        "".join(f"[{part}]" if isinstance(part, int) else f'["{part}"]' for part in leaf.path)
        for leaf in document.leaves
        if not leaf.is_comment
    )
    for text in seen:
        if text.startswith(prefix):
            yield text


def answer(words: list[str]) -> int:
    """``__complete``: print candidates; a failure completes nothing and is no error."""
    try:
        candidates, directive = complete(words)
    except (SopsError, OSError):
        candidates, directive = [], 0
    for candidate in candidates:
        sys.stdout.write(candidate + "\n")
    sys.stdout.write(f":{directive}\n")
    return 0


_BASH = """\
_%(function)s() {
    local line candidates=() directive=0
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    while IFS= read -r line; do
        case "$line" in
            :*) directive=${line#:} ;;
            *) candidates+=("${line%%%%$'\\t'*}") ;;
        esac
    done < <(%(program)s __complete "${words[@]}" 2>/dev/null)
    COMPREPLY=()
    for line in "${candidates[@]}"; do
        [[ $line == "${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$(printf %%q "$line")")
    done
    (( directive & 2 )) && compopt -o nospace
    (( directive & 4 )) || [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o default
}
complete -F _%(function)s %(program)s
"""
_ZSH = """\
#compdef %(program)s
_%(function)s() {
    local line directive=0
    local -a candidates
    while IFS= read -r line; do
        case "$line" in
            :*) directive=${line#:} ;;
            *) candidates+=("${${line%%%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}") ;;
        esac
    done < <(%(program)s __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#candidates} )); then
        _describe '%(program)s' candidates
    elif (( ! (directive & 4) )); then
        _files
    fi
}
compdef _%(function)s %(program)s
"""
_FISH = """\
function __%(function)s
    set -l words (commandline -opc) (commandline -ct)
    %(program)s __complete $words[2..-1] 2>/dev/null | string match -v -r '^:[0-9]+$'
end
complete -c %(program)s -f -a '(__%(function)s)'
"""
_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(program)s -ScriptBlock {
    param($word, $ast, $position)
    $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
    if (-not $word) { $words += '' }
    & %(program)s __complete @words 2>$null | Where-Object { $_ -notmatch '^:\\d+$' } | ForEach-Object {
        $text, $help = $_ -split "`t", 2
        [System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', ($help ? $help : $text))
    }
}
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "powershell": _POWERSHELL}


def script(shell: str, program: str) -> str:
    """The completion script of a shell for the program of that name.

    Raises:
        UsageError: there is none for this shell.
    """
    if shell not in _SCRIPTS:
        raise UsageError(f"no completion for {shell}", hint=f"one of: {', '.join(_SCRIPTS)}")
    return _SCRIPTS[shell] % {"program": program, "function": program.replace("-", "_")}


def sops_script(shell: str) -> str:
    """The completion script under the name ``sops``."""
    return script(shell, "sops")


def command(shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish|powershell", show_default=False)]) -> None:
    """Print the completion script of a shell.

    kubectl and flux need none: `kubectl sops install completion` links what they look for.

    Examples:
      source <(kubectl-sops completion bash)

      kubectl-sops completion fish | source
    """
    sys.stdout.write(script(shell, "kubectl-sops"))
