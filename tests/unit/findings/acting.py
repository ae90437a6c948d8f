"""Signals of audited activity: somebody, from somewhere, with a credential."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace as changed

from auditwatch.detection.signal import Signal
from auditwatch.events.activity import Activity, Actor, Client, Impersonator, Request
from auditwatch.findings.state import FindingState
from tests.unit.findings.making import START, activity, ledger, only, signal

MALLORY = Actor(
    id="mallory@example.com",
    name="mallory@example.com",
    kind="User",
    via="Direct",
    is_k10=False,
    user="mallory@example.com",
    credential_id="JTI=11111111-1111-4111-8111-111111111111",
    impersonator=None,
)
BOB = changed(MALLORY, id="bob", name="bob", user="bob", credential_id="X509SHA256=abc")
HINT = Actor(manager="kubectl-patch")
K10 = "system:serviceaccount:kasten-io:k10-k10"
TAKEN_ON = changed(
    MALLORY,
    id=K10,
    name=K10,
    kind="K10Suspect",
    via="Impersonation",
    impersonator=Impersonator(id="mallory@example.com", name="mallory@example.com"),
)
HOME = Client(ip="203.0.113.9", ips=("203.0.113.9",), agent="kubectl/v1.34.0")
AUDIT_ID = "5b5fb0c4-6d5c-4b57-9d70-c5a1c6e8a9a1"
PATH = "/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/daily"
GROUP = (("source", "audit"),)


def audited(sequence: int, actor: Actor = MALLORY, *, client: Client = HOME, **parts: Any) -> Activity:
    """An activity as the audit log tells it."""
    filled: dict[str, Any] = (
        {"evidence": "Audited", "source": "webhook", "attribution": "Audited", "verb": "patch", "actor": actor}
        | {"client": client, "request": Request(uri=f"{PATH}?fieldManager=x", path=PATH)}
        | {"event": {"auditID": AUDIT_ID, "stage": "ResponseComplete"}}
        | parts
    )
    return activity(sequence, time=START + sequence, **filled)


def ambiguous(sequence: int, *suspects: Actor, **parts: Any) -> Activity:
    """An activity that several may have done; the first's request is the one that is shown."""
    return audited(sequence, suspects[0], attribution="Ambiguous", suspects=suspects, **parts)


def hinted(sequence: int, actor: Actor = HINT) -> Activity:
    """A change that only state saw."""
    return activity(sequence, time=START + sequence, actor=actor)


def counted(told: Activity, sequence: int) -> Signal:
    """The signal of a row."""
    return signal(sequence, group=GROUP, after=sequence, activity=told)


def corrected(sequence: int, former: Activity, told: Activity) -> Signal:
    """The signal of a row that tells more of ``former``."""
    known = changed(told, key=former.key)
    return changed(counted(known, sequence), amends=True, former=former)


def after(*signals: Signal) -> FindingState:
    """The one incident of these signals."""
    book = ledger()
    book.apply(signals)
    return only(book)


def of(*told: Activity) -> FindingState:
    """The one incident of these rows."""
    return after(*(counted(each, index) for index, each in enumerate(told, 1)))
