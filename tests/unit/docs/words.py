"""Words the code can say, read from its syntax trees: reasons, environment variables. And tables of pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, get_args

from auditwatch.api.conditions import Reason
from auditwatch.events.audit import Degradation
from auditwatch.sources.file.framing import Form
from tests.unit.docs.blocks import ROOT

CODE: Final = ROOT / "operator" / "auditwatch"
_CAMEL: Final = re.compile(r"[A-Z][A-Za-z0-9]+")


def section(page: str, heading: str) -> str:
    """The part of a page under one heading of the second level."""
    (found,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return str(found)


def first_column(text: str) -> list[str]:
    """Words in backticks of the first column of the tables in a text."""
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def _trees(*below: str) -> Iterator[ast.Module]:
    for name in below:
        path = CODE / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield _parsed(file)


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            yield (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")), node


def words(node: ast.AST) -> set[str]:
    """Every CamelCase text in an expression: ``"A" if x else "B"`` says both."""
    texts = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
    return {text for text in texts if isinstance(text, str) and _CAMEL.fullmatch(text)}


def _argument(call: ast.Call, place: int, keyword: str) -> set[str]:
    named = [each.value for each in call.keywords if each.arg == keyword]
    given = named or list(call.args[place : place + 1])
    return {word for node in given for word in words(node)}


def _named_constants(*below: str, ending: str) -> set[str]:
    """What constants with such a name hold: ``_REASONS = {401: "Unauthenticated"}``."""
    found: set[str] = set()
    for tree in _trees(*below):
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                if any(name.strip("_").endswith(ending) for name in names):
                    found |= words(node.value)
    return found


def condition_reasons() -> set[str]:
    """Of conditions."""
    return {reason.value for reason in Reason}


def visibility_reasons() -> set[str]:
    """Second argument of every Visibility, and the table of watched state."""
    said = {
        word
        for tree in _trees(".")
        for name, call in _calls(tree)
        if name == "Visibility"
        for word in _argument(call, 1, "reason")
    }
    tables = {
        word
        for tree in _trees("detection/statesight.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Tuple) and len(node.elts) == 2
        for word in words(node.elts[0])
        if isinstance(node.elts[0], ast.Constant)
    }
    return said | tables | _named_constants("runtime/pending.py", ending="REASON")


def gap_reasons() -> set[str]:
    """What is handed to whatever makes a gap; and the constants that detection compares with."""
    makers = {"Gap": (None, "reason"), "FileGap": (0, "reason"), "gap": (None, "reason"), "gap_of": (None, "reason")}
    makers |= {"_gap": (2, "reason"), "_loss": (2, "reason"), "_of_backup": (0, "reason")}
    found = _named_constants("detection/joiner/unexplained.py", ending="REASON")
    found |= _named_constants("events/activity.py", ending="API_DOWN")
    found |= _named_constants("sources/k10stream", ending="REASONS")
    for tree in _trees("."):
        for name, call in _calls(tree):
            if name in makers:
                place, keyword = makers[name]
                found |= _argument(call, 99 if place is None else place, keyword)
    return found


def refusal_reasons() -> set[str]:
    """What a sender is answered."""
    found = _named_constants("sources/webhook/doorkeeping.py", ending="REASONS")
    for tree in _trees("sources/webhook"):
        for name, call in _calls(tree):
            if name in {"later", "refused"}:
                found |= _argument(call, 0 if name == "later" else 1, "reason")
        for node in ast.walk(tree):  # reason, text = ("NoRoom", …) if … else ("BodyTooLarge", …)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
                names = [each.id for each in node.targets[0].elts if isinstance(each, ast.Name)]
                if names[:1] == ["reason"]:
                    pairs = [each for each in ast.walk(node.value) if isinstance(each, ast.Tuple)]
                    found |= {word for pair in pairs for word in words(pair.elts[0])}
    return found


def unreadable_reasons() -> set[str]:
    """What an item that is no event is counted as."""
    found = {word for word in get_args(Form) if word != "Whole"}
    found |= _named_constants("events/decode.py", ending="NOT_AN_EVENT")
    found |= _named_constants("events/decode.py", ending="OUR_FAULT")
    found |= _named_constants("scan/scanning.py", ending="FILE_DAMAGED")
    found |= _named_constants("scan/troubles.py", ending="NOT_A_LOG")
    for tree in _trees("sources/file", "scan"):
        for name, call in _calls(tree):
            if name in {"Unreadable", "Bad"}:
                found |= _argument(call, 0 if name == "Unreadable" else 1, "reason")
    return found


def degradations() -> set[str]:
    """What may be missing of an event."""
    return set(get_args(Degradation))


def environment_variables() -> set[str]:
    """Read through ``os.environ`` (get, index, membership) or as an option's ``envvar``."""
    found: set[str] = set()
    for tree in _trees("."):
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "envvar":
                found |= _constants(node.value)
            elif _is_wide(node) and "os.environ" in ast.unparse(node):
                inner = [each for each in ast.iter_child_nodes(node) if _is_wide(each)]
                found |= _constants(node) if not any("os.environ" in ast.unparse(each) for each in inner) else set()
    return found


def _is_wide(node: ast.AST) -> bool:
    """Whether what is read stands further inside."""
    return isinstance(node, ast.Compare | ast.Subscript | ast.Call)


def _constants(node: ast.AST) -> set[str]:
    texts = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
    return {text for text in texts if isinstance(text, str) and text.isupper()}


def page(name: str) -> str:
    """A page of docs/reference."""
    return Path(ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
