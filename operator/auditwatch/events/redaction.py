"""Takes secrets out of objects before anything is stored, so that a change of one is still visible.

A secret value becomes an HMAC under the installation's key: equal values stay equal, and nobody without the key can
try candidates. Everything keeps its place and order; only copies of the whole object that servers and clients keep
inside it are dropped (``managedFields``, ``last-applied-configuration``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from auditwatch.events.activity import JSONObject
from auditwatch.events.sensitive import hide_in_text, is_reference, is_sensitive

PREFIX: Final = "hmac-sha256:"
_HIDDEN: Final = re.compile(r"hmac-sha256:[0-9a-f]{32}")
_COPIES: Final = frozenset({"managedFields", "kubectl.kubernetes.io/last-applied-configuration"})
_SECRET_DATA: Final = frozenset({"data", "stringData"})
_SCALARS: Final = (str, int, float)

_LEAST: Final = -(1 << 63)
_GREATEST: Final = (1 << 64) - 1
_MAX_DIGITS: Final = 64

_Mode = int
_OPEN: Final[_Mode] = 0
"""Names decide."""
_NAMED: Final[_Mode] = 1
"""Inside an object with a sensitive name: everything is secret but references."""
_SEALED: Final[_Mode] = 2
"""The data of a Secret: everything is secret."""


class Redactor:
    """Redacts with one key (bytes, the journal's). Applied twice it changes nothing more."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def hide(self, value: str | float) -> str:
        """``hmac-sha256:`` and 32 hex digits of HMAC-SHA256(key, value); what is hidden already stays as it is."""
        text = value if isinstance(value, str) else json.dumps(value)
        if _HIDDEN.fullmatch(text):
            return text
        digest = hmac.new(self._key, text.encode(errors="surrogatepass"), hashlib.sha256)
        return PREFIX + digest.hexdigest()[:32]

    def redact(self, group: str, resource: str, obj: JSONObject) -> JSONObject:
        """A redacted copy of an object of any depth; ``obj`` is not changed.

        ``resource`` is the plural, with ``/subresource`` where there is one.
        """
        of_secrets = group == "" and resource == "secrets"
        copy: JSONObject = {}
        pending: list[tuple[Any, Any, _Mode]] = [(obj, copy, _OPEN)]
        while pending:  # not recursive: an object may be nested 10,000 levels deep
            source, target, mode = pending.pop()
            for field, value, inner in _entries(source, mode, of_secrets=of_secrets):
                kept: Any = value
                if isinstance(value, dict | list):
                    kept = type(value)()
                    pending.append((value, kept, inner))
                elif isinstance(value, _SCALARS) and not isinstance(value, bool):
                    kept = self._scalar(value, inner)
                if isinstance(target, dict):
                    target[field] = kept
                else:
                    target.append(kept)
        return copy

    def text(self, text: str) -> str:
        """``text`` with the credentials recognisable in it hidden (URIs, messages, log lines)."""
        return hide_in_text(text, self.hide)

    def _scalar(self, value: str | float, mode: _Mode) -> str | float:
        if not isinstance(value, str):
            value = storable(value)
        if mode != _OPEN:
            return self.hide(value)
        return self.text(value) if isinstance(value, str) else value


def storable(number: float) -> float | str:
    """A number that every encoding can hold: an integer beyond 64 bits as float, beyond a float as text.

    JSON has no bounds; a client may put any number into an object, and the API server writes large floats as integers.
    """
    if not isinstance(number, int) or _LEAST <= number <= _GREATEST:
        return number
    try:
        return float(number)
    except OverflowError:
        return f"{number:#x}"[:_MAX_DIGITS]


def _entries(source: Any, mode: _Mode, *, of_secrets: bool) -> Iterator[tuple[str, Any, _Mode]]:
    """Field, value and mode of each entry that is kept; elements of a list have no field."""
    if isinstance(source, list):
        yield from (("", value, mode) for value in source)
        return
    is_secret = of_secrets or source.get("kind") == "Secret"
    named = _names_a_secret(source)
    for field, value in source.items():
        if field in _COPIES:
            continue
        yield field, value, _mode_of(field, value, mode, is_secret=is_secret, named=named)


def _mode_of(field: str, value: Any, mode: _Mode, *, is_secret: bool, named: bool) -> _Mode:
    if mode == _SEALED or (is_secret and field in _SECRET_DATA):
        return _SEALED
    if mode == _NAMED:
        # A reference is plain text; a container below (items, a nested reference) stays under suspicion.
        return _OPEN if is_reference(field) and not isinstance(value, dict | list) else _NAMED
    if is_sensitive(field) or (named and field == "value"):
        return _NAMED
    return _OPEN


def _names_a_secret(source: JSONObject) -> bool:
    """Whether this is a pair like an environment variable's: ``{name: DB_PASSWORD, value: …}``."""
    name = source.get("name") or source.get("key")
    return "value" in source and isinstance(name, str) and is_sensitive(name)
