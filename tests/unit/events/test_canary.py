"""Requests of our own: what proves life, what their absence means, and whom they exempt."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditEvent, AuditRecord, ObjectReference, UserInfo
from auditwatch.events.canary import MEMORY_SECONDS, Canary, Overdue, Probe, Returned, Stretch, gap_of

ACCOUNT = "system:serviceaccount:k10-auditwatch:k10-auditwatch"
NONCE = "0123456789abcdef"
START = 1_800_000_000.0


def probe(number: int = 0, *, sent: float = START) -> Probe:
    return Probe(
        nonce=f"{NONCE}{number}",
        verb="get",
        group="apps.kio.kasten.io",
        resource="restorepoints",
        namespace="kasten-io",
        name="canary",
        sent=sent,
        deadline=sent + 30,
    )


def echo(of: Probe) -> AuditEvent:
    """The event a server writes about a request."""
    return AuditEvent(
        verb=of.verb,
        request_uri=f"/apis/{of.group}/v1alpha1/namespaces/{of.namespace}/{of.resource}/{of.name}?canary={of.nonce}",
        user=UserInfo(username=ACCOUNT),
        object_ref=ObjectReference(
            api_group=of.group, resource=of.resource, namespace=of.namespace, name=of.name, api_version="v1alpha1"
        ),
    )


def canary(*probes: Probe, last_proof: float | None = None) -> Canary:
    made = Canary(account=ACCOUNT, last_proof=last_proof)
    for each in probes:
        made.sent(each)
    return made


def test_a_request_that_comes_back_proves_life_until_it_was_sent() -> None:
    mine = canary(probe())

    assert mine.returned(echo(probe())) == Returned(probe())
    assert (mine.last_proof, mine.nonces(), mine.is_silent) == (START, (), False)


def test_it_proves_life_once() -> None:
    mine = canary(probe())
    mine.returned(echo(probe()))

    assert mine.returned(echo(probe())) is None


@pytest.mark.parametrize(
    "other",
    [
        {"verb": "delete"},
        {"request_uri": "/apis/apps.kio.kasten.io/v1alpha1/namespaces/kasten-io/restorepoints/canary"},
        {"user": UserInfo(username="mallory")},
        {"impersonated_user": UserInfo(username="mallory")},
        {"object_ref": None},
        {"object_ref": ObjectReference(api_group="apps.kio.kasten.io", resource="restorepoints", name="canary")},
        {
            "object_ref": ObjectReference(
                api_group="apps.kio.kasten.io", resource="restorepoints", namespace="kasten-io", name="other"
            )
        },
        {
            "object_ref": ObjectReference(
                api_group="apps.kio.kasten.io",
                resource="restorepoints",
                namespace="kasten-io",
                name="canary",
                subresource="details",
            )
        },
    ],
    ids=["verb", "nonce", "user", "impersonation", "nothing", "namespace", "name", "subresource"],
)
def test_what_differs_in_anything_is_not_ours(other: dict[str, object]) -> None:
    mine = canary(probe())
    event = msgspec.structs.replace(echo(probe()), **other)

    assert mine.returned(event) is None
    assert not mine.owns(event)


def test_before_our_own_name_is_known_nothing_is_ours() -> None:
    mine = canary(probe())
    mine.account = ""

    assert not mine.owns(echo(probe()))
    assert not mine.owns(msgspec.structs.replace(echo(probe()), user=UserInfo(username="mallory")))


@pytest.mark.parametrize("nonce", ["", "short"])
def test_a_nonce_that_occurs_by_chance_is_refused(nonce: str) -> None:
    with pytest.raises(ValueError, match="at least 16"):
        replace(probe(), nonce=nonce)


def test_before_its_deadline_nothing_is_overdue() -> None:
    mine = canary(probe(), last_proof=START - 60)

    assert mine.overdue(START + 29) == Overdue()
    assert not mine.is_silent


def test_silence_is_told_from_the_last_proof_of_life_on() -> None:
    mine = canary(probe(), last_proof=START - 60)

    assert mine.overdue(START + 31) == Overdue((probe(),), (Stretch(START - 60, START + 31),))
    assert mine.is_silent


def test_a_silence_that_goes_on_is_told_once_and_its_rest_when_it_ends() -> None:
    first, second, third = probe(1), probe(2, sent=START + 60), probe(3, sent=START + 120)
    mine = canary(first, last_proof=START - 60)
    mine.overdue(START + 31)
    mine.sent(second)

    assert mine.overdue(START + 91) == Overdue((second,))
    assert mine.lost == 2
    mine.sent(third)
    assert mine.returned(echo(third)) == Returned(third, Stretch(START + 31, START + 120))
    assert (mine.lost, mine.last_proof) == (0, START + 120)


def test_a_source_never_proven_alive_has_lost_nothing_that_has_bounds() -> None:
    mine = canary(probe())

    assert mine.overdue(START + 31) == Overdue((probe(),))
    assert mine.is_silent


def test_a_request_lost_between_two_that_came_back_is_a_gap_and_no_silence() -> None:
    lost, later = probe(1), probe(2, sent=START + 10)
    mine = canary(lost, later, last_proof=START - 60)
    mine.returned(echo(later))

    assert mine.overdue(START + 31) == Overdue((lost,), (Stretch(START - 60, START + 10),))
    assert not mine.is_silent


def test_a_request_that_did_not_get_there_need_not_come_back_but_may() -> None:
    mine = canary(probe(), last_proof=START - 60)
    mine.withdrawn(probe())

    assert mine.overdue(START + 31) == Overdue()
    assert mine.owns(echo(probe()))


def test_an_answer_out_of_order_does_not_take_a_proof_back() -> None:
    first, second = probe(1), probe(2, sent=START + 10)
    mine = canary(first, second)
    mine.returned(echo(second))
    mine.returned(echo(first))

    assert mine.last_proof == START + 10


def test_after_a_clock_was_set_back_what_is_sent_later_is_the_later_proof() -> None:
    before, after = probe(1, sent=START), probe(2, sent=START - 3_600)
    mine = canary(before, after)

    mine.returned(echo(after))
    assert mine.last_proof == START - 3_600
    mine.returned(echo(before))
    assert mine.last_proof == START - 3_600


def test_after_a_clock_was_set_back_silence_has_bounds_in_order_and_so_has_its_rest() -> None:
    mine = canary(probe(1, sent=START))
    mine.returned(echo(probe(1, sent=START)))
    mine.sent(probe(2, sent=START - 3_600))

    assert mine.overdue(START - 3_570).missed == (Stretch(START - 3_600, START - 3_570),)
    assert mine.is_silent

    last = probe(3, sent=START - 7_200)
    mine.sent(last)
    assert mine.returned(echo(last)) == Returned(last, Stretch(START - 7_200, START - 3_570))


def test_another_source_may_tell_of_it_later_but_not_for_ever() -> None:
    mine = canary(probe())
    mine.returned(echo(probe()))
    record = AuditRecord(key="k", cluster="c", source="audit-log", received=START, event=echo(probe()))

    mine.overdue(START + 30 + MEMORY_SECONDS - 1)
    assert mine.is_canary(record)
    mine.overdue(START + 30 + MEMORY_SECONDS)
    assert not mine.is_canary(record)


def test_a_stretch_becomes_a_gap() -> None:
    gap = gap_of(Stretch(1.0, 2.0), cluster="c", source="s", subject="x", reason="Silent", message="why")

    assert gap == Gap(cluster="c", source="s", subject="x", reason="Silent", message="why", start=1.0, end=2.0)
