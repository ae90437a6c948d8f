"""Lines of K10's audit stream that can be given away: the envelope as it is, the event in it redacted, bodies left out.

The envelope is not known here (that is what a bundle is for), so a line is walked: whatever in it is an audit event,
also inside a text, is redacted as one, everything else as any object. Names of people and addresses are hidden too.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from auditwatch.events.decode import NotAnAuditEventError, decode
from auditwatch.events.eventredaction import redacted_event
from auditwatch.events.lenient import UnreadableError, read
from auditwatch.events.redaction import Redactor

LEFT_OUT: Final = "(left out)"
_EVENT_KEYS: Final = frozenset({"auditID", "stage", "verb", "requestURI"})
_LEVELS: Final = 5
_SYSTEM: Final = "system:"


def redacted_line(redactor: Redactor, line: bytes) -> bytes | None:
    """The line with everything that may be secret or personal hidden; ``None`` where it cannot be read."""
    start = line.find(b"{")
    if start < 0:
        return None
    try:
        document = read(line[start:])
    except UnreadableError:
        return None
    prefix = redactor.text(line[:start].decode(errors="replace")).encode()
    return prefix + msgspec.json.encode(_walked(redactor, document, _LEVELS))


def user_agents(lines: Iterable[bytes]) -> dict[str, int]:
    """How often each program (a user agent up to its first blank) stands in the events; most frequent first."""
    counts: dict[str, int] = {}
    for line in lines:
        for event in _events(line):
            program = str(event.get("userAgent") or "").partition(" ")[0][:80] or "(none)"
            counts[program] = counts.get(program, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _events(line: bytes) -> list[dict[str, Any]]:
    start = line.find(b"{")
    try:
        return _inside(read(line[start:]), _LEVELS) if start >= 0 else []
    except UnreadableError:
        return []


def _inside(value: Any, levels: int) -> list[dict[str, Any]]:
    value = _opened(value)
    if isinstance(value, list) and levels:
        return [e for each in value for e in _inside(each, levels - 1)]
    if not isinstance(value, dict) or not levels:
        return []
    return [value] if value.keys() >= _EVENT_KEYS else [e for each in value.values() for e in _inside(each, levels - 1)]


def _walked(redactor: Redactor, value: Any, levels: int) -> Any:
    opened = _opened(value)
    if isinstance(opened, list) and levels:
        return [_walked(redactor, each, levels - 1) for each in opened]
    if not isinstance(opened, dict) or not levels:
        return LEFT_OUT if _may_hold(value) else redactor.redact("", "", {"": value})[""]
    if opened.keys() >= _EVENT_KEYS:
        kept: Any = _event(redactor, opened)
    else:
        plain = redactor.redact("", "", {key: each for key, each in opened.items() if not _may_hold(each)})
        kept = {
            key: plain[key] if key in plain else _walked(redactor, each, levels - 1) for key, each in opened.items()
        }
    return msgspec.json.encode(kept).decode() if isinstance(value, str) else kept


def _may_hold(value: Any) -> bool:
    return isinstance(_opened(value), dict | list)


def _opened(value: Any) -> Any:
    """A text that holds an object, as that object; everything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return read(value.encode(errors="replace"))
    except UnreadableError:
        return value


def _event(redactor: Redactor, raw: dict[str, Any]) -> dict[str, Any]:
    """The event's fields in their order: as redacted for the journal, and who and where from hidden."""
    try:
        event = redacted_event(redactor, decode(msgspec.json.encode(raw)).event)
    except NotAnAuditEventError:
        return dict.fromkeys(raw, LEFT_OUT)
    kept: dict[str, Any] = msgspec.to_builtins(event)
    for field in ("user", "impersonatedUser"):
        if field in kept:
            kept[field] = _nobody(redactor, kept[field])
    kept["sourceIPs"] = [redactor.hide(each) for each in event.source_ips]
    head = {"kind": raw.get("kind"), "apiVersion": raw.get("apiVersion")}
    return {key: kept.get(key, head.get(key, LEFT_OUT)) for key in raw}


def _nobody(redactor: Redactor, user: dict[str, Any]) -> dict[str, Any]:
    """Accounts of the system stay readable, people do not; of what an authenticator adds only the names stay."""
    name, groups = str(user.get("username") or ""), user.get("groups") or ()
    kept = {
        "username": _unless_system(redactor, name),
        "groups": [_unless_system(redactor, str(group)) for group in groups],
        "extra": dict.fromkeys(user.get("extra") or {}, LEFT_OUT),
    }
    return {key: value for key, value in kept.items() if value}


def _unless_system(redactor: Redactor, name: str) -> str:
    return name if not name or name.startswith(_SYSTEM) else redactor.hide(name)
