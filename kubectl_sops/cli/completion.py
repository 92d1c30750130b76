"""Completion for kubectl, flux and shells: one answer in Cobra's protocol, and scripts that ask for it.

The protocol: ``__complete WORDS… LAST`` prints a candidate a line, optionally with a tab and a description, and ends
with ``:N``, a bit field (kubectl and flux read it as Cobra defines it).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kubectl_sops.cli.completion_values import (
    FLAGS,
    choices,
    encrypted,
    fitting,
    key_paths,
    kustomizations,
    recipients,
)
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
    if before[:1] == ["help"]:
        before = before[1:]
    if not before:
        return [f"{name}\t{summary}" for name, (_, _, summary) in COMMANDS.items() if name.startswith(last)], NO_FILES
    command, rest = before[0], before[1:]
    if command not in COMMANDS:
        return [], 0
    node, rest = _descend(command, rest)
    if last.startswith("-"):
        return [c for c in _flags(node) if c.startswith(last)], NO_FILES
    positional = [word for word in rest if not word.startswith("-")]
    flag = _flag_before(node, rest)
    if flag is not None:
        return _values(flag, last, positional)
    names = getattr(node, "commands", None)
    if names:
        return [f"{name}\t{sub.get_short_help_str()}" for name, sub in names.items() if name.startswith(last)], NO_FILES
    return _argument(command, node, positional, last)


def _values(flag: Any, last: str, positional: list[str]) -> tuple[list[str], int]:  # a click parameter
    offer = next((FLAGS[name] for name in flag.opts if name in FLAGS), None)
    if offer is not None:
        return fitting(offer, last, positional), NO_FILES
    words = choices(flag.metavar or "")
    return [word for word in words if word.startswith(last)], NO_FILES if words else 0


def _argument(command: str, node: Any, positional: list[str], last: str) -> tuple[list[str], int]:  # a click command
    if command in _KEY_PATH and positional:
        return fitting(key_paths, last, positional), NO_FILES | NO_SPACE
    if command in _OPENS_ENCRYPTED:
        return fitting(encrypted, last, positional), NO_FILES
    if command in _BUILDS and not positional:
        return fitting(kustomizations, last, positional), 0  # folders too
    if command == "recipients":
        if positional[:1] == ["rm"]:
            return fitting(recipients, last, positional), NO_FILES
        return [word for word in ("add", "rm") if word.startswith(last) and not positional], 0
    if command == "create" and len(positional) < 2:  # `secret` and its type
        words = ["generic", "tls", "docker-registry"] if positional else ["secret"]
        return [word for word in words if word.startswith(last)], NO_FILES
    metavars = [parameter.metavar for parameter in node.params if parameter.param_type_name == "argument"]
    words = choices(metavars[0] or "") if metavars and not positional else []
    return [word for word in words if word.startswith(last)], NO_FILES if words else 0


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


def _flag_before(node: Any, words: list[str]) -> Any:  # a click command, and a parameter of it
    """The flag whose value is being typed."""
    return next((p for p in node.params if words and words[-1] in p.opts and not getattr(p, "is_flag", False)), None)


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
