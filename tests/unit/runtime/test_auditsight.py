"""What status and metrics say of audit sources."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.runtime.auditsight import audit_figures, audit_sources, silence_of
from auditwatch.runtime.canaries import AuditCanaries, Proven
from auditwatch.runtime.ingest import SourceReports
from auditwatch.runtime.status import SourceFigures
from auditwatch.sources.file.report import FileReport
from auditwatch.sources.k10stream.report import Counts, PodReport
from auditwatch.sources.webhook.report import WebhookReport
from tests.unit.runtime.test_canaries import canaries, probe, record

NOW = 1000.0


def reading(**fields: Any) -> FileReport:
    return FileReport(
        source="file", instance="cp-1", path="/audit.log", **{"state": "Reading", "last_proof_of_life": 999.0, **fields}
    )


def proven(source: str = "file") -> AuditCanaries:
    board = canaries(source)
    board.sent({source: probe(990.0)})
    assert board.proves(record(source))
    return board


def one(reports: SourceReports, board: AuditCanaries) -> SourceFigures:
    (figures,) = audit_sources(reports, board, now=NOW)
    return figures


def test_a_file_whose_requests_come_back_is_live_and_says_since_when() -> None:
    found = one(SourceReports(files=[reading(last_event=995.0)]), proven())

    assert (found.name, found.type, found.state, found.message) == ("file", "File", "Live", "")
    assert (found.last_proof_of_life, found.lag_seconds, found.last_event) == (990.0, 10, 995.0)


def test_a_file_that_is_read_but_brought_nothing_of_ours_back_is_not_live_yet() -> None:
    found = one(SourceReports(files=[reading()]), canaries("file"))

    assert (found.state, found.last_proof_of_life) == ("Starting", None)


def test_a_file_that_may_not_be_read_is_unavailable_with_the_fix() -> None:
    found = one(SourceReports(files=[reading(state="Denied", message="run it as user 0")]), proven())

    assert (found.state, found.reason, found.message) == (
        "Unavailable",
        "SourceUnavailable",
        "cp-1: run it as user 0",
    )


def test_a_source_that_keeps_our_requests_is_unavailable_however_busy_it_is() -> None:
    board = proven()
    board.sent({"file": probe(950.0, nonce="1" * 16)})
    board.sent({"file": probe(970.0, nonce="2" * 16)})
    board._books["file"].canary.last_proof = 940.0
    board.overdue(NOW)

    found = one(SourceReports(files=[reading(last_event=999.0)]), board)

    assert found.state == "Unavailable"
    assert "do not come back" in found.message


def test_of_several_files_one_that_fails_degrades_the_source() -> None:
    bad = FileReport(source="file", instance="cp-2", path="/b.log", state="Absent", message="is waited for")

    found = one(SourceReports(files=[reading(), bad]), proven())

    assert (found.state, found.message) == ("Degraded", "cp-2: is waited for")


@pytest.mark.parametrize(
    ("report", "state", "said"),
    [
        ({"state": "Waiting"}, "Starting", "nobody has posted yet"),
        ({"state": "Receiving", "last_received": 999.0}, "Live", ""),
        ({"state": "Refusing", "message": "no valid certificate"}, "Unavailable", "no valid certificate"),
    ],
)
def test_a_webhook_is_as_its_senders_are(report: dict[str, Any], state: str, said: str) -> None:
    sender = WebhookReport(source="hook", instance="cp-1", **report)

    found = one(SourceReports(senders=[sender]), proven("hook"))

    assert (found.type, found.state) == ("Webhook", state)
    assert said in found.message


@pytest.mark.parametrize(
    ("report", "state"),
    [
        ({"state": "Live", "last_proof_of_life": 990.0}, "Live"),
        ({"state": "Learning"}, "Starting"),
        ({"state": "SwitchedOff", "message": "set siem.logging.cluster.enabled"}, "Unavailable"),
        ({"state": "Forbidden", "message": "get pods/log"}, "Unavailable"),
    ],
)
def test_a_stream_of_k10_is_as_its_pods_are(report: dict[str, Any], state: str) -> None:
    pod = PodReport(namespace="kasten-io", pod="aggregatedapis-svc-1", **report)

    found = one(SourceReports(pods={"k10": [pod]}), canaries())

    assert (found.name, found.type, found.state) == ("k10", "K10Stream", state)
    assert report.get("message", "") in found.message


def test_metrics_tell_each_instance_apart() -> None:
    reports = SourceReports(
        files=[reading(read=7, selected=3, undecodable={"Torn": 1}, gaps={"Deleted": 2})],
        senders=[WebhookReport(source="hook", instance="cp-1", events=9, selected=4, refused={"NoRoom": 5})],
        pods={"k10": [PodReport(namespace="kasten-io", pod="p", state="Live", counts=Counts(lines=8, suspect=2))]},
    )

    found = {each.source: each for each in audit_figures(reports, proven(), now=NOW)}

    assert (found["file"].read, found["file"].undecodable, found["file"].gaps) == (7, {"Torn": 1}, {"Deleted": 2})
    assert (found["file"].silent_seconds, found["hook"].silent_seconds) == (10.0, None)
    assert (found["hook"].read, found["hook"].refused) == (9, {"NoRoom": 5})
    assert (found["k10"].read, found["k10"].undecodable) == (8, {"Suspect": 2})


def test_sources_nobody_installed_are_not_spoken_of() -> None:
    board = AuditCanaries([Proven(source="file", deadline=1.0, survives_downtime=True)], cluster="c")

    assert audit_sources(SourceReports(), board, now=NOW) == []


def test_a_sender_that_is_heard_is_of_use_whatever_else_is_not_right() -> None:
    told = "the CA is not published in ConfigMap agents/ca: not permitted"
    report = WebhookReport(source="webhook", instance="cp-1", state="Receiving", message=told, last_received=999.0)

    found = one(SourceReports(senders=[report]), proven("webhook"))

    assert (found.state, found.message) == ("Degraded", f"cp-1: {told}")


def test_a_sender_that_keeps_our_requests_is_of_no_use_whatever_it_posts() -> None:
    board = proven("webhook")
    board.sent({"webhook": probe(950.0, nonce="1" * 16)})
    board.sent({"webhook": probe(970.0, nonce="2" * 16)})
    board._books["webhook"].canary.last_proof = 940.0
    board.overdue(NOW)
    report = WebhookReport(source="webhook", instance="cp-1", state="Receiving", message="x", last_received=999.0)

    assert one(SourceReports(senders=[report]), board).state == "Unavailable"


def test_once_a_node_has_come_nobody_waits_for_any_node() -> None:
    anybody = WebhookReport(source="hook", instance="*", refused={"Forbidden": 1}, is_replaced=True)
    node = WebhookReport(source="hook", instance="node-7", state="Receiving", last_received=999.0)
    reports = SourceReports(senders=[anybody, node])

    assert one(reports, proven("hook")).state == "Live"
    assert [each.instance for each in audit_figures(reports, proven("hook"), now=NOW)] == ["*", "node-7"]


def test_until_a_node_has_come_the_source_is_starting() -> None:
    anybody = WebhookReport(source="hook", instance="*")

    assert one(SourceReports(senders=[anybody]), proven("hook")).state == "Starting"


def unheard(board: AuditCanaries) -> AuditCanaries:
    """Two requests of ours should have been back by now."""
    board.sent({"hook": probe(950.0, nonce="1" * 16)})
    board.sent({"hook": probe(970.0, nonce="2" * 16)})
    board.overdue(NOW)
    return board


def waiting(**fields: Any) -> WebhookReport:
    return WebhookReport(source="hook", instance="cp-1", message="nothing since the start", **fields)


def test_a_webhook_to_which_nobody_has_ever_posted_waits_for_its_first_sender_however_long_that_takes() -> None:
    for board in (canaries("hook"), unheard(canaries("hook"))):
        found = one(SourceReports(senders=[waiting()]), board)

        assert (found.state, found.reason) == ("Starting", "WaitingForFirstSender")
        assert "auditwatch webhook-config" in found.message
        assert silence_of(found) == found.message


def test_one_that_was_heard_before_the_start_and_is_not_now_has_failed() -> None:
    again = canaries("hook")
    again.recall("canary", {"hook": 900.0})
    assert one(SourceReports(senders=[waiting()]), again).reason == "Starting"

    found = one(SourceReports(senders=[waiting()]), unheard(again))
    assert (found.state, found.reason) == ("Unavailable", "SourceUnavailable")


def test_what_is_wrong_with_the_listener_is_a_failure_though_nobody_has_posted() -> None:
    report = waiting(trouble="the certificate cannot be renewed")

    assert one(SourceReports(senders=[report]), canaries("hook")).state == "Unavailable"


def test_a_sender_that_is_turned_away_is_a_failure_though_it_is_the_first() -> None:
    report = WebhookReport(source="hook", instance="cp-1", state="Refusing", message="no valid token")

    assert one(SourceReports(senders=[report]), canaries("hook")).reason == "SourceUnavailable"


def test_once_one_api_server_posts_and_is_proven_the_others_are_not_waited_for_as_the_first() -> None:
    posting = WebhookReport(source="hook", instance="cp-2", state="Receiving", last_received=999.0)

    assert one(SourceReports(senders=[waiting(), posting]), proven("hook")).reason == "Starting"
