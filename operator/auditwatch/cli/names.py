"""Names on the command line: one that no cluster can have is refused, because nothing would ever be found under it.

Each function says what is wrong with a name, with the option it was given to, or nothing.
"""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAMESPACE: Final = re.compile(_LABEL)
_NAMESPACES: Final = re.compile(r"[-a-z0-9*?]{1,63}")
_DOMAIN: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
_ACCOUNT: Final = "system:serviceaccount:"

_DASHES: Final = "lower-case letters, digits and dashes"
_DOTS: Final = "lower-case letters, digits, dashes and dots"


def of_namespace(option: str, name: str) -> str:
    """A namespace."""
    return "" if _NAMESPACE.fullmatch(name) else f"{option}: {name!r} is no name: {_DASHES}"


def of_namespaces(option: str, names: str) -> str:
    """Namespaces or patterns of them, with commas between them."""
    bad = [name for each in names.split(",") if (name := each.strip()) and not _NAMESPACES.fullmatch(name)]
    return f"{option}: {bad[0]!r} is no name: {_DASHES}, and * for any" if bad else ""


def of_domain(option: str, name: str) -> str:
    """A DNS name."""
    return "" if is_domain(name) else no_domain(option, name)


def no_domain(option: str, name: str) -> str:
    """What is said of what is no DNS name."""
    return f"{option}: {name!r} is no name: {_DOTS}"


def of_account(option: str, written: str) -> str:
    """A service account: its name, with its namespace before it, or as the API server names it."""
    namespace, colon, name = written.removeprefix(_ACCOUNT).rpartition(":")
    is_name = is_domain(name) and (not colon or _NAMESPACE.fullmatch(namespace))
    return "" if is_name else f"{option}: {written!r} is no service account: write NAME or NAMESPACE:NAME"


def is_domain(name: str) -> bool:
    """Whether it may stand in DNS, as it is written in Kubernetes."""
    return _DOMAIN.fullmatch(name) is not None
