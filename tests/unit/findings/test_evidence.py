"""What a finding shows of each activity: enough to find it in the audit log, and nothing a client could hide behind."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace as changed

from auditwatch.detection.tenancy import seen_by
from auditwatch.events.activity import Client, Request
from auditwatch.findings.rendering import status
from tests.unit.findings.acting import (
    AUDIT_ID,
    BOB,
    MALLORY,
    PATH,
    TAKEN_ON,
    after,
    ambiguous,
    audited,
    corrected,
    counted,
    hinted,
    of,
)


def test_a_row_says_who_from_where_what_with_which_result_and_where_the_log_has_it() -> None:
    (row,) = status(of(audited(1, outcome="Denied")))["evidence"]

    assert {name: row[name] for name in ("actor", "clientIP", "verb", "outcome", "source", "auditID")} == {
        "actor": "mallory@example.com",
        "clientIP": "203.0.113.9",
        "verb": "patch",
        "outcome": "Denied",
        "source": "webhook",
        "auditID": AUDIT_ID,
    }
    assert row["requestPath"] == PATH
    assert "note" not in row


def test_a_change_that_only_state_saw_has_no_request() -> None:
    (row,) = status(of(hinted(1)))["evidence"]

    assert not {"clientIP", "auditID", "requestPath"} & set(row)
    assert row["note"] == "actor: field manager, a hint and not proof"


def test_a_row_of_several_who_may_have_done_it_names_all_and_says_so() -> None:
    (row,) = of(ambiguous(1, MALLORY, BOB)).evidence_head

    assert (row.actor, row.note) == (
        "mallory@example.com or bob",
        "actor: everybody who may have done it, and not all of them did",
    )


def test_one_who_made_all_requests_that_may_have_done_it_is_named() -> None:
    (row,) = of(ambiguous(1, BOB, changed(BOB, via="Impersonation"))).evidence_head

    assert (row.actor, row.note) == ("bob", "")


def test_a_correction_puts_the_request_into_the_row() -> None:
    former = hinted(1)
    (row,) = after(counted(former, 1), corrected(2, former, audited(1))).evidence_head

    assert (row.key, row.actor, row.client_ip, row.audit_id, row.note) == (
        former.key,
        "mallory@example.com",
        "203.0.113.9",
        AUDIT_ID,
        "",
    )


@pytest.mark.parametrize("event", [msgspec.UNSET, {}, {"auditID": 7}, {"auditID": None}])
def test_an_event_without_an_id_has_none(event: object) -> None:
    assert of(audited(1, event=event)).evidence_head[0].audit_id == ""


def test_what_a_client_chose_is_escaped_and_cut() -> None:
    nasty = audited(
        1,
        client=Client(ip="1\n" * 99),
        event={"auditID": "id\x1b[2J" * 99},
        request=Request(path="/\u202e" * 999),
    )
    (row,) = of(nasty).evidence_head

    assert (len(row.client_ip), len(row.audit_id), len(row.path)) == (64, 64, 256)
    assert (row.client_ip + row.audit_id + row.path).isprintable()


def test_a_tenant_is_told_of_no_stranger() -> None:
    """Neither in the row nor anywhere else in the object."""
    for told in (audited(1, TAKEN_ON), ambiguous(1, MALLORY, BOB)):
        seen = seen_by("kasten-io", told)
        assert seen is not None
        shown = str(status(of(seen)))

        assert "masked" in shown
        assert not [
            word for word in ("mallory", "bob", "203.0.113.9", "kubectl/", "JTI=", "X509", AUDIT_ID) if word in shown
        ]


def test_a_tenant_is_told_of_its_own_accounts_and_of_no_stranger_beside_them() -> None:
    own = changed(
        BOB,
        id="system:serviceaccount:kasten-io:ci",
        name="system:serviceaccount:kasten-io:ci",
        user="system:serviceaccount:kasten-io:ci",
    )
    seen = seen_by("kasten-io", ambiguous(1, own, MALLORY))
    assert seen is not None
    shown = status(of(seen))

    assert [actor["id"] for actor in shown["actors"]] == ["system:serviceaccount:kasten-io:ci", "masked"]
    assert shown["clients"] == [{"ip": "203.0.113.9", "agent": "kubectl/v1.34.0"}]
    assert "mallory" not in str(shown)
