"""Redacts the URI of a request: its parameters are percent-encoded, and the words of a command stand one by one."""

from __future__ import annotations

from urllib.parse import quote, unquote_plus

from auditwatch.events.redaction import Redactor
from auditwatch.events.sensitive import is_sensitive


def redacted_uri(redactor: Redactor, uri: str) -> str:
    """``uri`` with credentials hidden; parts that have none stay as they are written."""
    path, mark, query = uri.partition("?")
    path = redactor.text(path)
    if not mark:
        return path
    kept: list[str] = []
    before = ""
    for part in query.split("&"):
        name, value = _decoded(part)
        kept.append(_part(redactor, part, name, value, flag=before))
        before = value if name == "command" and value.startswith("-") and "=" not in value else ""
    return f"{path}?{'&'.join(kept)}"


def _part(redactor: Redactor, part: str, name: str, value: str, *, flag: str) -> str:
    """``flag``: the word of a command before this one, ``--password`` and the like, whose value this is."""
    if value and (is_sensitive(name) or (flag and is_sensitive(flag))):
        hidden = redactor.hide(value)
    else:
        hidden = redactor.text(value)
    if hidden == value:
        return part
    return f"{part.partition('=')[0]}={quote(hidden, safe=':')}"


def _decoded(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return unquote_plus(name), unquote_plus(value)
