"""What counts as a secret: by the name of its field, and by how it looks inside any text.

Hiding too much costs readability, hiding too little costs a credential, so names decide by their ending. References
(``secret: {name, namespace}``) are not secrets: rules must see which credential a profile uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

_ENDINGS: Final = (
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "token",
    "tokens",
    "secret",
    "secrets",
    "secretkey",
    "secretaccesskey",
    "accesskey",
    "accesskeyid",
    "accountkey",
    "storagekey",
    "sharedkey",
    "privatekey",
    "encryptionkey",
    "masterkey",
    "apikey",
    "serviceaccountkey",
    "connectionstring",
    "receivestring",
    "credential",
    "credentials",
    "authorization",
    "dockerconfigjson",
    "kubeconfig",
    "htpasswd",
)
"""Endings of field names in lower case, without punctuation."""

_REFERENCE: Final = frozenset(
    {
        "apiVersion",
        "audience",
        "defaultMode",
        "expirationSeconds",
        "group",
        "items",
        "key",
        "kind",
        "mode",
        "name",
        "namespace",
        "optional",
        "path",
        "resource",
        "secretName",
        "secretType",
        "type",
        "uid",
    }
)
"""Fields which, inside an object with a sensitive name, say *which* secret, not what it is."""

_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]")

_WORDS: Final = (
    r"(?:password|passwd|passphrase|pwd|token|secret|secret[_-]?(?:access[_-]?)?key|access[_-]?key(?:[_-]?id)?"
    r"|account[_-]?key|shared[_-]?key|private[_-]?key|api[_-]?key|receive[_-]?string|connection[_-]?string)"
)
_QUOTE: Final = r"""(?:\\*["'])?"""
_PATTERNS: Final = (
    re.compile(r"()(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z))", re.DOTALL),
    re.compile(
        r"(\b(?:authorization[\"']?\s*[:=]\s*[\"']?)?(?:bearer|basic)\s+)(?!hmac-)([A-Za-z0-9._~+/=-]{8,})",
        re.IGNORECASE,
    ),
    re.compile(r"()(\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?)"),
    re.compile(r"()(\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b)"),
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)([^\s/@]+)(?=@)", re.IGNORECASE),
    re.compile(rf"({_WORDS}{_QUOTE}\s*[:=]\s*{_QUOTE})((?!\$|\{{\{{)[^\s\"'\\,;&]+)", re.IGNORECASE),
)
"""Each as (what stays, the secret): PEM keys, Authorization, JWTs, AWS key ids, passwords in URLs, assignments."""


_HINTS: Final = (
    "pass",
    "pwd",
    "token",
    "secret",
    "key",
    "string",
    "bearer",
    "basic",
    "eyj",
    "akia",
    "asia",
    "aroa",
    "aida",
    "://",
)
"""What a text must hold, in lower case, for any of the patterns to find something in it."""
_MAX_REMEMBERED: Final = 128
"""Characters of a field's name; clients choose names, and those that are remembered must stay small."""
_MAX_HARMLESS: Final = 256
"""Characters of a text that is remembered to hold no hint."""
_MAX_TEXTS: Final = 1024
_harmless: Final[set[str]] = set()


def is_sensitive(field: str) -> bool:
    """Whether a field of this name holds a credential. The part before a ``/`` (of an annotation) is ignored."""
    return _remembered(field) if len(field) <= _MAX_REMEMBERED else _ends_sensitively(field)


def _ends_sensitively(field: str) -> bool:
    return _NOT_A_WORD.sub("", field.rpartition("/")[2].lower()).endswith(_ENDINGS)


_remembered: Final = lru_cache(maxsize=4096)(_ends_sensitively)


def is_reference(field: str) -> bool:
    """Whether this field of an object with a sensitive name only says which secret is meant."""
    return field in _REFERENCE


def hide_in_text(text: str, hide: Callable[[str], str]) -> str:
    """``text`` with every credential that is recognisable in it replaced by ``hide`` of it."""
    if text in _harmless:
        return text
    if not may_hold_a_credential(text):
        _remember_harmless(text)
        return text
    for pattern in _PATTERNS:
        text = pattern.sub(lambda found: found[1] + hide(found[2]), text)
    return text


def _remember_harmless(text: str) -> None:
    """User agents and the reasons of authorizers are the same in event after event. What holds a hint is not kept."""
    if len(text) <= _MAX_HARMLESS:
        if len(_harmless) >= _MAX_TEXTS:
            _harmless.clear()
        _harmless.add(text)


def may_hold_a_credential(text: str) -> bool:
    """Ten times faster than the patterns, and most texts hold none."""
    folded = text.lower() if text.isascii() else text.casefold()
    for hint in _HINTS:  # noqa: SIM110 - a generator would double its time
        if hint in folded:
            return True
    return False
