"""Which of the audit log's ways to the operator are connected: ``DEMO_AUDIT``, everything by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.cluster.errors import ClusterError
from tests.demo.choosing import Place

VARIABLE: Final = "DEMO_AUDIT"
WAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "all": ("file", "webhook"),
    "file": ("file",),
    "webhook": ("webhook",),
    "none": (),
}
OURS: Final[frozenset[Place]] = frozenset({"node", "controlplane"})
"""Where kube-apiserver is the demo's own to restart."""
_WHOLE: Final[Mapping[Place, str]] = {"node": "all", "controlplane": "all", "kind": "file", "current": "none"}
_WORDS: Final = {
    "all": "the audit log by file and by webhook, K10's own record of requests, and watch loops",
    "file": "the audit log by file, K10's own record of requests, and watch loops",
    "webhook": "the audit log by webhook, K10's own record of requests, and watch loops",
    "none": "watch loops and K10's own record of requests, and no audit log",
}


def chosen(environment: Mapping[str, str], place: Place = "controlplane") -> str:
    """The way that is asked for, else all that is possible there. Raises :class:`ClusterError` where it is not."""
    way = environment.get(VARIABLE, "").strip().lower() or _WHOLE[place]
    if way not in WAYS:
        raise ClusterError(f"{VARIABLE}={way}: one of {', '.join(WAYS)} is expected")
    if "webhook" in WAYS[way] and place not in OURS:
        raise ClusterError(f"{VARIABLE}={way}: flags of kube-apiserver are not changed with DEMO={place}: file or none")
    return way


def in_words(way: str) -> str:
    """What the operator sees by."""
    return _WORDS[way]
