"""What is kept of an event: all but its secrets, wherever an event may hold one, and a key that tells it apart."""

import json
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.events.audit import AuditEvent, AuditRecord, ObjectReference, ResponseStatus, UserInfo
from auditwatch.events.decode import Decoded, decode
from auditwatch.events.keys import audit_event_key
from auditwatch.events.patches import redacted_patch
from auditwatch.events.uriredaction import redacted_uri
from tests.unit.events.samples import ANSWER, REDACTOR, line, recorded

PLANTED = "Pl4nted-s3cret-value"
HIDDEN = REDACTOR.hide(PLANTED)
SECRETS = ObjectReference(resource="secrets", api_version="v1", namespace="shop", name="s3")
EVENT = AuditEvent(audit_id="a", stage="ResponseComplete", verb="patch", object_ref=SECRETS)


def record(body: Any = msgspec.UNSET, **changed: Any) -> AuditRecord:
    raw = body if body is msgspec.UNSET else msgspec.Raw(msgspec.json.encode(body))
    return recorded(Decoded(msgspec.structs.replace(EVENT, request_object=raw, **changed)))


def is_hidden_in(found: Any) -> bool:
    text = msgspec.json.encode(found).decode()
    return PLANTED not in text and "hmac-sha256:" in text


def test_a_record_says_what_happened_and_where_it_came_from() -> None:
    found = recorded(decode(line()), instance="node-1", evidence="K10Stream")

    assert (found.cluster, found.source, found.instance, found.evidence) == ("c", "audit-log", "node-1", "K10Stream")
    assert found.received == 5.0
    assert found.degraded == ()
    assert found.request_object == {"spec": {"paused": True}}
    assert found.response_object == json.loads(ANSWER)
    assert found.event.request_object is found.event.response_object is msgspec.UNSET
    assert found.event.user.username == "mallory"


def test_bodies_that_were_not_logged_are_unknown() -> None:
    found = recorded(decode(line(b"", b"")))

    assert found.request_object is found.response_object is msgspec.UNSET


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"user": PLANTED}},
        {"stringData": {"user": PLANTED}},
        {"kind": "SecretList", "items": [{"metadata": {"name": "a"}, "data": {"user": PLANTED}}]},
        [{"op": "replace", "path": "/data/user", "value": PLANTED}],
        [{"op": "add", "path": "/stringData", "value": {"user": PLANTED}}],
        [{"op": "replace", "path": "", "value": {"data": {"user": PLANTED}}}],
        [{"op": "replace", "path": "/data", "value": [PLANTED]}],
        [{"op": "add", "path": "/data/a~1b~0c", "value": PLANTED}],
        [{"op": "test", "path": "/data/user", "value": PLANTED}],
        {"data": PLANTED},
    ],
)
def test_the_data_of_a_secret_is_hidden_in_every_body(body: Any) -> None:
    assert is_hidden_in(record(body).request_object)


@pytest.mark.parametrize(
    "operation",
    [
        {"path": "/spec/locationSpec/credential/token", "value": PLANTED},
        {"path": "/spec/passphrase", "value": PLANTED},
        {"path": "/spec/x", "value": {"passphrase": PLANTED}},
        {"path": "/spec/x", "value": [{"passphrase": PLANTED}]},
        {"path": "/spec/x", "value": f"--password={PLANTED}"},
        {"path": "/spec/containers/0/env/3/value", "value": PLANTED},
        {"path": "/spec/containers/0/env/-", "value": {"name": "DB_PASSWORD", "value": PLANTED}},
        {"path": "/metadata/annotations/example.com~1token", "value": PLANTED},
        {"path": "/secret/x", "value": PLANTED},
        {"path": "/" * 5_000, "value": PLANTED},
        {"path": 7, "value": {"password": PLANTED}},
        {"password": PLANTED},
        [{"password": PLANTED}],
        f"password={PLANTED}",
    ],
)
def test_the_value_of_a_json_patch_is_hidden_by_the_path_it_goes_to(operation: Any) -> None:
    assert is_hidden_in(redacted_patch(REDACTOR, "config.kio.kasten.io", "profiles", [operation]))


def test_a_json_patch_without_secrets_is_kept_as_it_is() -> None:
    patch = [
        {"op": "replace", "path": "/spec/retention/daily", "value": 1},
        {"op": "remove", "path": "/spec/actions/0"},
        {"op": "move", "from": "/spec/a", "path": "/spec/b"},
        {"op": "add", "path": "/spec/credential/secret/name", "value": "s3"},
        {"op": "replace", "path": "/spec/paused", "value": True},
        {"op": "add", "path": "/spec/x", "value": None},
    ]

    assert redacted_patch(REDACTOR, "config.kio.kasten.io", "policies", patch) == patch


def test_a_patch_that_puts_a_copy_of_the_object_into_itself_loses_the_copy() -> None:
    path = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"

    assert redacted_patch(REDACTOR, "", "secrets", [{"op": "add", "path": path, "value": PLANTED}]) == [
        {"op": "add", "path": path}
    ]


def test_the_token_that_a_token_request_returned_is_hidden() -> None:
    token = ObjectReference(resource="serviceaccounts", subresource="token", name="k10-k10")
    raw = msgspec.Raw(msgspec.json.encode({"kind": "TokenRequest", "status": {"token": PLANTED}}))

    found: Any = record(object_ref=token, response_object=raw).response_object

    assert found["status"] == {"token": HIDDEN}


def test_a_secret_is_hidden_where_the_event_does_not_say_what_it_is_about() -> None:
    assert is_hidden_in(record({"kind": "Secret", "data": {"a": PLANTED}}, object_ref=None).request_object)


def test_the_patch_of_a_mutating_webhook_is_hidden_inside_its_annotation() -> None:
    name = "patch.webhook.admission.k8s.io/round_0_index_0"
    told = {
        "configuration": "injector",
        "webhook": "w",
        "patch": [{"op": "add", "path": "/data/a", "value": PLANTED}, {"op": "add", "path": "/x", "value": 1}],
        "patchType": "JSONPatch",
    }

    kept = json.loads(record(annotations={name: json.dumps(told)}).event.annotations[name])

    assert kept["configuration"] == "injector"
    assert kept["patch"] == [{"op": "add", "path": "/data/a", "value": HIDDEN}, {"op": "add", "path": "/x", "value": 1}]


@pytest.mark.parametrize("told", ['{"patch": [', "[]", f'"{PLANTED}"', f'{{"patch": [{{"value": "{PLANTED}"'])
def test_an_annotation_with_a_patch_nobody_can_read_is_hidden_whole(told: str) -> None:
    name = "patch.webhook.admission.k8s.io/round_0_index_0"

    assert record(annotations={name: told}).event.annotations[name] == REDACTOR.hide(told)


def test_texts_of_an_event_lose_their_credentials() -> None:
    bearer = f"Bearer {PLANTED}"
    found = record(
        user_agent=bearer,
        annotations={"w/x": bearer},
        response_status=ResponseStatus(code=400, message=f"cannot parse password={PLANTED}"),
        user=UserInfo(username="u", extra={"e": (bearer,)}),
        impersonated_user=UserInfo(username="v", extra={"e": (bearer,)}),
        request_uri=f"/x?token={PLANTED}",
    )

    assert PLANTED not in msgspec.json.encode(found).decode()
    assert msgspec.json.encode(found).decode().count("hmac-sha256") == 6


@pytest.mark.parametrize(
    "query",
    [
        f"token={PLANTED}",
        f"access_token={PLANTED}&x=1",
        f"command=mysql&command=--password&command={PLANTED}",
        f"command=mysql&command=--password%3D{PLANTED}",
        f"command=PGPASSWORD%3D{PLANTED}&command=psql",
        f"command=curl&command=-H&command=Authorization%3A+Bearer+{PLANTED}",
        f"command=sh&command=-c&command={quote(f'mysql --password={PLANTED} shop')}",
        f"url={quote(f'https://user:{PLANTED}@example.com')}",
    ],
)
def test_a_credential_in_a_parameter_is_hidden_however_it_is_encoded(query: str) -> None:
    uri = redacted_uri(REDACTOR, f"/api/v1/namespaces/shop/pods/db/exec?container=db&{query}&stdin=true")

    assert PLANTED not in uri
    assert quote(HIDDEN, safe=":") in uri
    assert uri.startswith("/api/v1/namespaces/shop/pods/db/exec?container=db&")
    assert uri.endswith("&stdin=true")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/",
        "/apis?",
        "/api/v1/secrets?limit=500&labelSelector=a%3Db%2Cc",
        "/exec?command=ls&command=-l&command=%2Ftmp&tty",
        "/x?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ&&;=%zz",
    ],
)
def test_a_uri_without_credentials_stays_as_it_is_written(uri: str) -> None:
    assert redacted_uri(REDACTOR, uri) == uri


NAMES = ("limit", "command", "to-ken", "Kubeconfig", "x.credential", "authorization", "a/b", "", "\u017fecret")
VALUES = (
    "",
    "500",
    "--password",
    "--api-key",
    PLANTED,
    f"token:{PLANTED}",
    "AKIAABCDEFGHIJKLMNOP",
    "a b",
    "http://u:p4ss@h",
)


@given(
    parts=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["=", ""]), st.sampled_from(VALUES)), max_size=5)
)
def test_a_plain_uri_is_passed_as_it_is_only_where_taking_it_apart_would_hide_nothing(
    parts: list[tuple[str, str, str]],
) -> None:
    uri = "/exec?" + "&".join(map("".join, parts))

    assert redacted_uri(REDACTOR, uri) + "&x=%41" == redacted_uri(REDACTOR, uri + "&x=%41")  # the latter is taken apart


@given(text=st.text(max_size=40))
def test_redacting_a_uri_twice_changes_nothing_more(text: str) -> None:
    once = redacted_uri(REDACTOR, f"/x?{text}&token={PLANTED}")

    assert redacted_uri(REDACTOR, once) == once


BASE = AuditEvent(
    audit_id="a",
    stage="ResponseComplete",
    request_received_timestamp="1",
    stage_timestamp="2",
    verb="get",
    request_uri="/x",
    user=UserInfo(username="u", extra={"a": ("1",), "b": ("2",)}),
    impersonated_user=UserInfo(username="v"),
    response_status=ResponseStatus(code=200),
)


@pytest.mark.parametrize(
    "difference",
    [
        {"audit_id": "b"},
        {"stage": "Panic"},
        {"request_received_timestamp": "0"},
        {"stage_timestamp": "3"},
        {"verb": "delete"},
        {"request_uri": "/y"},
        {"user": UserInfo(username="w")},
        {"user": UserInfo(username="u", groups=("g",))},
        {"impersonated_user": None},
        {"impersonated_user": UserInfo(username="w")},
        {"response_status": ResponseStatus(code=403)},
        {"response_status": None},
    ],
    ids=str,
)
def test_an_event_is_told_apart_by_each_identifying_field(difference: dict[str, Any]) -> None:
    assert audit_event_key(msgspec.structs.replace(BASE, **difference)) != audit_event_key(BASE)


@pytest.mark.parametrize(
    "difference",
    [
        {"level": "Metadata"},
        {"annotations": {"a": "b"}},
        {"user_agent": "x"},
        {"response_status": ResponseStatus(code=200, message="m")},
        {"user": UserInfo(username="u", extra={"b": ("2",), "a": ("1",)})},
    ],
    ids=str,
)
def test_what_one_source_may_leave_out_is_no_part_of_the_key(difference: dict[str, Any]) -> None:
    assert audit_event_key(msgspec.structs.replace(BASE, **difference)) == audit_event_key(BASE)


def test_keys_of_events_do_not_change_between_releases() -> None:
    assert audit_event_key(BASE) == "00a54b55db95566282ca116ac228983eeb90482f7973a5a4921f5f505c2b3f97"


def test_the_key_of_a_record_holds_no_secret_that_could_be_guessed() -> None:
    first = record(request_uri=f"/x?token={PLANTED}")

    assert first.key == audit_event_key(first.event), "made of what is kept, after redaction"
    assert first.key == record(request_uri=f"/x?token={PLANTED}").key
    assert first.key != record(request_uri="/x?token=another").key
