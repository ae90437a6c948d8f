"""Redacts the URI of a request: its parameters are percent-encoded, and the words of a command stand one by one."""

from __future__ import annotations

from urllib.parse import quote, unquote_plus

from auditwatch.events.redaction import Redactor
from auditwatch.events.sensitive import is_sensitive, may_hold_a_credential


def redacted_uri(redactor: Redactor, uri: str) -> str:
    """``uri`` with credentials hidden; parts that have none stay as they are written."""
    path, mark, query = uri.partition("?")
    if _is_plain(uri, query):
        return uri
    path = redactor.text(path)
    if not mark:
        return path
    kept: list[str] = []
    before = ""
    for part in query.split("&"):
        name, value = _decoded(part)
        is_word = name == "command"  # other parameters may stand between the words; the server reads on
        kept.append(_part(redactor, part, name, value, flag=before if is_word else ""))
        if is_word:
            before = value if value.startswith("-") and "=" not in value else ""
    return f"{path}?{'&'.join(kept)}"


def _is_plain(uri: str, query: str) -> bool:
    """Whether nothing can be hidden in it: nothing is encoded, no name is sensitive, no text looks like a credential.

    Four times faster than taking it apart, and nearly every URI is plain.
    """
    return (
        "%" not in query
        and "+" not in query
        and "command=" not in query
        and not may_hold_a_credential(uri)
        and not any(is_sensitive(part.partition("=")[0]) for part in query.split("&"))
    )


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
