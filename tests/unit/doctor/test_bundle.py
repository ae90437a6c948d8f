"""What a bundle gives away: the shape of K10's stream, and nothing that is secret or somebody's name."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

from auditwatch.doctor.bundle import SAMPLES, Captured, archive, files
from auditwatch.doctor.examining import examine
from auditwatch.doctor.facts import Facts, Stream, Unread
from auditwatch.doctor.lines import as_json, as_text, ok, problem
from auditwatch.doctor.streamlines import LEFT_OUT, redacted_line, user_agents
from auditwatch.events.redaction import Redactor
from tests.unit.doctor.making import NOW, facts, found, watch

REDACTOR = Redactor(b"key")
SECRET = "swordfish"
EVENT = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "level": "RequestResponse",
    "auditID": "9a5e",
    "stage": "ResponseComplete",
    "requestURI": f"/apis/vault.kio.kasten.io/v1alpha1/passkeys?password={SECRET}",
    "verb": "create",
    "user": {
        "username": f"mallory-{SECRET}@example.com",
        "groups": [f"team-{SECRET}", "system:authenticated"],
        "extra": {"token": [SECRET]},
    },
    "impersonatedUser": {"username": "system:serviceaccount:kasten-io:k10-k10"},
    "sourceIPs": ["203.0.113.7"],
    "userAgent": "kubectl/v1.37.2 (linux/amd64)",
    "objectRef": {"resource": "passkeys", "name": "new", "apiGroup": "vault.kio.kasten.io"},
    "requestObject": {"spec": {"passphrase": SECRET}},
    "responseObject": {"spec": {"passphrase": SECRET}},
    "annotations": {"authorization.k8s.io/decision": "allow"},
    "somethingNew": {"of": SECRET},
}


def line(envelope: str = "object", **changes: Any) -> bytes:
    event = {**EVENT, **changes}
    inner = json.dumps(event) if envelope == "text" else event
    return json.dumps({"level": "info", "token": SECRET, "msg": "K10Event", "K10Event": inner, "n": [1]}).encode()


def captured(**fields: Any) -> Captured:
    return Captured(
        **{"discovery": {"/apis/apps.kio.kasten.io/v1alpha1": {"resources": []}}, "metrics": "x 1\n", **fields}
    )


def bundle(of: Facts, more: Captured | None = None) -> dict[str, str]:
    return {path: content.decode() for path, content in files(of, more or captured(), examine(of), REDACTOR).items()}


@pytest.mark.parametrize("envelope", ["object", "text"])
def test_a_line_keeps_its_envelope_and_the_events_keys_in_their_order(envelope: str) -> None:
    redacted = redacted_line(REDACTOR, line(envelope))
    assert redacted is not None
    outer = json.loads(redacted)
    event = json.loads(outer["K10Event"]) if envelope == "text" else outer["K10Event"]

    assert list(outer) == ["level", "token", "msg", "K10Event", "n"]
    assert list(event) == list(EVENT)
    assert (event["kind"], event["verb"], event["auditID"]) == ("Event", "create", "9a5e")
    assert event["impersonatedUser"]["username"] == "system:serviceaccount:kasten-io:k10-k10"


@pytest.mark.parametrize("envelope", ["object", "text"])
def test_nothing_secret_and_nobodys_name_or_address_is_left_in_a_line(envelope: str) -> None:
    redacted = redacted_line(REDACTOR, b"2027-01-15T08:00:00Z " + line(envelope))

    assert redacted is not None
    assert redacted.startswith(b"2027-01-15T08:00:00Z {")
    assert SECRET.encode() not in redacted
    assert b"mallory" not in redacted
    assert b"203.0.113.7" not in redacted
    assert LEFT_OUT.encode() in redacted


def test_events_of_a_list_are_redacted_each() -> None:
    redacted = redacted_line(REDACTOR, json.dumps({"K10Event": {"items": [EVENT, EVENT]}, "n": [1, "a"]}).encode())

    assert redacted is not None
    assert SECRET.encode() not in redacted
    assert b"mallory" not in redacted
    assert json.loads(redacted)["n"] == [1, "a"]
    assert user_agents([json.dumps({"items": [EVENT, EVENT]}).encode()]) == {"kubectl/v1.37.2": 2}


def test_an_event_that_cannot_be_read_as_one_is_left_out_field_by_field() -> None:
    redacted = redacted_line(REDACTOR, line(kind="Pod"))

    assert redacted is not None
    assert SECRET.encode() not in redacted
    assert set(json.loads(redacted)["K10Event"].values()) == {LEFT_OUT}


def test_what_is_wrapped_too_deep_is_left_out() -> None:
    deep: Any = EVENT
    for _ in range(9):
        deep = {"in": deep}
    redacted = redacted_line(REDACTOR, json.dumps(deep).encode())

    assert redacted is not None
    assert SECRET.encode() not in redacted


@pytest.mark.parametrize("raw", [b"", b"K10Event without anything", b'{"K10Event": ', b'{"a":1}{'])
def test_a_line_that_cannot_be_read_is_not_given_away(raw: bytes) -> None:
    assert redacted_line(REDACTOR, raw) is None


def test_programs_are_counted_without_what_follows_their_name() -> None:
    lines = [line(), line("text"), line(userAgent="executor-server/v0.0.0 (linux)"), line(userAgent=""), b"{", b"x"]

    assert user_agents(lines) == {"kubectl/v1.37.2": 2, "(none)": 1, "executor-server/v0.0.0": 1}


def test_a_bundle_lists_what_is_inside_and_what_was_left_out() -> None:
    lines = [line() for _ in range(SAMPLES + 2)] + [b"K10Event {"]
    k10 = found(stream=Stream(pods=1, lines=99, events=lines))
    inside = bundle(facts(k10s=[k10]), captured(metrics=Unread("not permitted: get pods/proxy")))

    assert next(iter(inside)) == "CONTENTS.txt"
    assert all(f"  {path}  " in inside["CONTENTS.txt"] for path in inside if path != "CONTENTS.txt")
    assert "K10's audit stream: 3 of 23 lines" in inside["CONTENTS.txt"]
    assert "1 line that could not be redacted" in inside["CONTENTS.txt"]
    assert "the operator's metrics: not permitted: get pods/proxy" in inside["CONTENTS.txt"]
    assert "metrics.txt" not in inside
    assert len(inside["k10-stream.txt"].splitlines()) == SAMPLES - 1
    assert json.loads(inside["versions.json"])["k10s"][0]["startedWithAuditFlags"] is True


def test_what_could_not_be_read_is_left_out_with_its_reason() -> None:
    refused = Unread("not permitted: get things")
    inside = bundle(facts(k10s=[found(stream=refused)], watches=refused), captured(discovery={"/apis/a": refused}))

    for what in ("K10's audit stream", "AuditWatches", "/apis/a"):
        assert f"  {what}: not permitted: get things\n" in inside["CONTENTS.txt"]


def test_only_the_status_of_a_watch_is_given_away_and_redacted() -> None:
    held = {**watch(sources=[{"name": "s", "message": f"https://u:{SECRET}@host/"}]), "spec": {"lists": [SECRET]}}

    inside = bundle(facts(watches=[held]))

    assert SECRET not in "".join(inside.values())
    assert json.loads(inside["auditwatches.json"])["items"][0]["status"]["ruleCount"] == 80


def test_an_archive_holds_the_files_for_their_owner_alone_and_is_the_same_twice() -> None:
    packed = archive({"a.txt": b"1"}, now=NOW)

    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        (only,) = tar.getmembers()
    assert (only.name, only.mode, only.size) == ("auditwatch-capture/a.txt", 0o600, 1)
    assert packed == archive({"a.txt": b"1"}, now=NOW)


def test_a_line_shows_its_command_and_no_control_character() -> None:
    lines = [ok("clock", "fine"), problem("lease", "held by \x1b[2Jnobody\n", "kubectl get lease")]

    assert as_text(lines) == (
        "ok       clock          fine\n"
        "problem  lease          held by \\x1b[2Jnobody\\n\n"
        "                        $ kubectl get lease\n"
    )
    assert as_json(lines)["checks"] == [
        {"check": "clock", "state": "ok", "message": "fine"},
        {"check": "lease", "state": "problem", "message": "held by \x1b[2Jnobody\n", "command": "kubectl get lease"},
    ]
