"""Closed sets of words that rules, watches and findings share, each with its meaning for ``kubectl explain``.

The meanings stand beside the words because they are API: a word never changes its meaning inside a version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

Severity = Literal["Info", "Low", "Medium", "High", "Critical"]
Confidence = Literal["Low", "Medium", "High"]
Emit = Literal["Finding", "Signal"]
Outcome = Literal["Succeeded", "Denied", "Rejected", "Failed", "Unknown", "Any"]
Evidence = Literal["Audited", "K10Stream", "State"]
Attribution = Literal["Unknown", "FieldManager", "Ambiguous", "Correlated", "Audited"]
Via = Literal["Direct", "K10Dashboard", "Impersonation", "K10Internal", "UnattributedDashboard"]
Verb = Literal[
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "get",
    "list",
    "watch",
    "head",
    "post",
    "put",
    "options",
    "*",
]

SEVERITY: Mapping[str, str] = {
    "Critical": "recovery is being lost now, or the account can do anything: wake someone",
    "High": "look at it today",
    "Medium": "look at it this week",
    "Low": "context that is worth an object",
    "Info": "context only, below what most watches keep",
}
CONFIDENCE: Mapping[str, str] = {
    "High": "hardly ever anything else",
    "Medium": "sometimes ordinary administration",
    "Low": "often ordinary administration",
}
EMIT: Mapping[str, str] = {
    "Finding": "makes findings, and feeds rules that count it",
    "Signal": "a building block: feeds rules that count it, makes no finding",
}
OUTCOME: Mapping[str, str] = {
    "Succeeded": "it was done",
    "Unknown": "it was asked for and nobody knows whether it was done",
    "Denied": "refused for lack of rights (401, 403)",
    "Rejected": "refused for another reason (other 4xx)",
    "Failed": "the server failed (5xx) and nothing was done",
    "Any": "all of these",
}
EVIDENCE: Mapping[str, str] = {
    "Audited": "the API server's audit log",
    "K10Stream": "K10's own record of requests",
    "State": "objects compared with what they were before",
}
VIA: Mapping[str, str] = {
    "Direct": "with their own credentials",
    "K10Dashboard": "through K10's dashboard, which impersonates them",
    "Impersonation": "somebody else impersonated them",
    "K10Internal": "K10 itself",
    "UnattributedDashboard": "K10's dashboard without naming a person",
}


def explained(intro: str, meanings: Mapping[str, str], *, only: Iterable[str] = ()) -> str:
    """A field's description that explains each of its values."""
    chosen = set(only) or set(meanings)
    return f"{intro} " + "; ".join(f"{word}: {meaning}" for word, meaning in meanings.items() if word in chosen) + "."


def words(literal: object) -> tuple[str, ...]:
    """The values of one of the literals above, in order."""
    return get_args(literal)
