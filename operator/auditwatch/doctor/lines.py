"""What the doctor says: one line per thing it looked at, with the exact next command where there is something to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from shlex import quote
from typing import Final, Literal

State = Literal["ok", "warning", "problem", "unknown"]
"""As it should be; works, and something is worth doing; does not work; could not be found out."""
_PROGRAM: Final = re.compile(r"(?:^|(?<=[|;] ))(?:kubectl|helm|auditwatch doctor)(?= )")
"""A program that asks a cluster, where a command or a part of it begins."""
EXIT_WELL, EXIT_PROBLEMS = 0, 1


@dataclass(frozen=True, slots=True)
class Line:
    """One result. ``check``: its name, the same in every release; ``command``: what to do next, empty where nothing."""

    check: str
    state: State
    message: str
    command: str = ""


def ok(check: str, message: str) -> Line:
    """It is as it should be."""
    return Line(check, "ok", message)


def warning(check: str, message: str, command: str = "") -> Line:
    """It works, and something is worth doing."""
    return Line(check, "warning", message, command)


def problem(check: str, message: str, command: str) -> Line:
    """It does not work."""
    return Line(check, "problem", message, command)


def unknown(check: str, message: str, command: str = "") -> Line:
    """It could not be found out."""
    return Line(check, "unknown", message, command)


def exit_code(lines: Iterable[Line]) -> int:
    """1 where there is a problem: what is unknown or only worth doing fails nobody's pipeline."""
    return EXIT_PROBLEMS if any(line.state == "problem" for line in lines) else EXIT_WELL


def aimed(lines: Iterable[Line], *, kubeconfig: str = "", context: str = "") -> list[Line]:
    """The same, with commands that ask the cluster that was looked at, as whoever gave these means it."""
    return [replace(line, command=_PROGRAM.sub(_aim(kubeconfig, context), line.command)) for line in lines]


def _aim(kubeconfig: str, context: str) -> Callable[[re.Match[str]], str]:
    def added(found: re.Match[str]) -> str:
        of_context = "--kube-context" if found[0].endswith("helm") else "--context"
        where = f" --kubeconfig {quote(kubeconfig)}" if kubeconfig else ""
        return f"{found[0]}{where}{f' {of_context} {quote(context)}' if context else ''}"

    return added


def as_text(lines: Iterable[Line]) -> str:
    """For people: the state first, the command below."""
    told = []
    for line in lines:
        told.append(f"{line.state:<8} {line.check:<14} {_shown(line.message)}\n")
        if line.command:
            told.append(f"{'':<24}$ {_shown(line.command)}\n")
    return "".join(told)


def _shown(text: str) -> str:
    """Without what would move a terminal's cursor: some of it stands in objects that others write."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def as_json(lines: Iterable[Line]) -> dict[str, object]:
    """For machines: ``{"checks": [{check, state, message, command}]}``, commands only where there is one."""
    return {
        "checks": [
            {"check": line.check, "state": line.state, "message": line.message}
            | ({"command": line.command} if line.command else {})
            for line in lines
        ]
    }
