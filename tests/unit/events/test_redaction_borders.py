"""Redaction at its borders: what tells that a text is a secret, and that nothing else is hidden or lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditwatch.events.audit import AuditEvent, ObjectReference, ResponseStatus, UserInfo
from auditwatch.events.eventredaction import redacted_body, redacted_event
from auditwatch.events.redaction import Redactor
from auditwatch.events.sensitive import hide_in_text, is_reference, is_sensitive
from auditwatch.events.uriredaction import redacted_uri

SECRET = "Pl4nted-s3cret-value"
REDACTOR = Redactor(b"a key of an installation")
HIDDEN = REDACTOR.hide(SECRET)
Extra = dict[str, tuple[str, ...]]
SECRETS = ObjectReference(resource="secrets", namespace="shop", name="db")
PODS = ObjectReference(resource="pods", namespace="shop", name="db")


@pytest.mark.parametrize(
    "name",
    [
        "dbPasswd",
        "smtp_pwd",
        "refreshTokens",
        "clientSecrets",
        "encryptionKey",
        "masterKey",
        "storageKey",
        "sharedKey",
        "accountKey",
        "azure-account-key",
        "accessKeyId",
        "AWS_ACCESS_KEY_ID",
        "secretAccessKey",
        "serviceAccountKey",
        "X-Authorization",
        "kubeConfig",
        ".htpasswd",
        "my.credential",
        "PassPhrase",
        "k10.kasten.io/pass-phrase",
    ],
)
def test_a_field_is_secret_by_the_ending_of_its_name_however_that_is_written(name: str) -> None:
    assert is_sensitive(name)
    assert is_sensitive("x" * 200 + name), "of any length"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "name",
        "key",
        "keys",
        "secretName",
        "secretRef",
        "tokenExpirationSeconds",
        "passwordPolicy",
        "publicKey",
        "token/expires",
        "kubeconfigs",
        "accessKeyIdentifier",
        "sekret",
    ],
)
def test_a_field_that_only_speaks_of_a_secret_is_none(name: str) -> None:
    assert not is_sensitive(name)


@pytest.mark.parametrize("name", ["name", "namespace", "key", "kind", "apiVersion", "secretName", "uid", "type"])
def test_which_secret_is_meant_is_no_secret(name: str) -> None:
    assert is_reference(name)
    assert not is_reference(name.upper())
    kept = REDACTOR.redact("config.kio.kasten.io", "profiles", {"credential": {name: SECRET, "value": SECRET}})
    assert kept == {"credential": {name: SECRET, "value": HIDDEN}}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Bearer {}", "Bearer {}"),
        ("basic {}", "basic {}"),
        ("password={} x", "password={} x"),
        ("password: '{}', x", "password: '{}', x"),
        ('"apiKey":"{}"', '"apiKey":"{}"'),
        ("https://user:{}@example.com/x", "https://user:{}@example.com/x"),
        ("https://:{}@example.com", "https://:{}@example.com"),
        ("account_key={};EndpointSuffix=x", "account_key={};EndpointSuffix=x"),
    ],
)
def test_only_the_credential_of_a_text_is_hidden(text: str, kept: str) -> None:
    assert hide_in_text(text.format(SECRET), REDACTOR.hide) == kept.format(HIDDEN)


@pytest.mark.parametrize(
    "text",
    [
        "Bearer short",
        "password=$PASSWORD",
        "password={{ .Values.password }}",
        "the token was refused",
        "https://example.com:8443/x",
        "eyJ0",
        "AKIA too short",
        f"Bearer {HIDDEN}",
        "",
    ],
)
def test_what_names_a_credential_without_holding_one_is_kept(text: str) -> None:
    assert hide_in_text(text, REDACTOR.hide) == text


@pytest.mark.parametrize(
    ("query", "hidden"),
    [
        ("command=mysql&command=--password&command={}", True),
        ("command=mysql&command=-password&command={}", True),
        ("command=mysql&command=password&command={}", False),
        ("x=--password&command={}", False),
        ("command=--password%3D%24X&command={}", False),
        ("command=--password&x=1&command={}", True),
        ("command=--verbose&x=--password&command={}", False),
        ("command=--verbose&command={}", False),
        ("command=&command={}", False),
        ("command={}", False),
        ("command=kubectl&command=--kubeconfig&command={}", True),
        ("command=x&command=--credential&command={}", True),
        ("password={}", True),
        ("passwords={}", False),
        ("kubeconfig={}", True),
        ("kube+config={}", True),
        ("kube%20config={}", True),
        ("x=1&credential={}", True),
    ],
)
def test_the_word_after_a_flag_that_asks_for_a_secret_is_one(query: str, *, hidden: bool) -> None:
    uri = f"/exec?{query}"

    assert redacted_uri(REDACTOR, uri.format(SECRET)) == uri.format(HIDDEN if hidden else SECRET)


@pytest.mark.parametrize("query", ["token=", "token", "command=--password&command=", "password=&x=1"])
def test_where_nothing_was_given_nothing_is_hidden(query: str) -> None:
    assert redacted_uri(REDACTOR, f"/exec?{query}") == f"/exec?{query}"


def test_a_credential_in_the_path_is_hidden_with_or_without_parameters() -> None:
    path = "/api/v1/namespaces/shop/services/https:user:{}@db/proxy/token={}"

    assert SECRET not in redacted_uri(REDACTOR, path.format("x", SECRET))
    assert SECRET not in redacted_uri(REDACTOR, path.format("x", SECRET) + "?a=1")
    assert redacted_uri(REDACTOR, path.format("x", SECRET) + "?a=1").endswith("?a=1")


@pytest.mark.parametrize(
    ("of", "body", "kept"),
    [
        (SECRETS, {"data": {"k": SECRET}}, {"data": {"k": HIDDEN}}),
        (PODS, {"data": {"k": SECRET}}, {"data": {"k": SECRET}}),
        (
            SECRETS,
            [{"op": "add", "path": "/data/k", "value": SECRET}],
            [{"op": "add", "path": "/data/k", "value": HIDDEN}],
        ),
        (
            PODS,
            [{"op": "add", "path": "/data/k", "value": SECRET}],
            [{"op": "add", "path": "/data/k", "value": SECRET}],
        ),
        (PODS, f"token={SECRET}", f"token={HIDDEN}"),
        (PODS, 7, 7),
        (PODS, None, None),
        (PODS, msgspec.UNSET, msgspec.UNSET),
    ],
)
def test_a_body_of_any_shape_is_redacted_as_what_it_is_about(of: ObjectReference, body: Any, kept: Any) -> None:
    assert redacted_body(REDACTOR, of, body) == kept
    if isinstance(body, dict):
        assert redacted_body(REDACTOR, of, body) is not body


def test_data_is_secret_in_secrets_themselves_and_not_below_them() -> None:
    below = msgspec.structs.replace(SECRETS, subresource="status")
    elsewhere = msgspec.structs.replace(SECRETS, api_group="example.com")

    for of in (below, elsewhere):
        assert redacted_body(REDACTOR, of, {"data": {"k": SECRET}}) == {"data": {"k": SECRET}}


def event(**fields: Any) -> AuditEvent:
    return redacted_event(REDACTOR, AuditEvent(**fields))


def test_what_the_api_server_says_of_who_authenticated_stays_whatever_it_looks_like() -> None:
    looks = "AKIAIOSFODNN7EXAMPLE"
    ids: Extra = {"authentication.kubernetes.io/credential-id": (looks,)}
    assert event(user=UserInfo(username="eve", extra=ids)).user.extra == ids


def test_what_an_impersonator_or_another_authenticator_says_is_redacted() -> None:
    looks = f"token={SECRET}"
    ids: Extra = {"authentication.kubernetes.io/credential-id": (looks,)}
    impersonated = event(impersonated_user=UserInfo(username="eve", extra=ids)).impersonated_user
    other = event(user=UserInfo(username="eve", extra={"example.com/x": (looks,)})).user

    assert impersonated is not None
    assert impersonated.extra == {"authentication.kubernetes.io/credential-id": (f"token={HIDDEN}",)}
    assert other.extra == {"example.com/x": (f"token={HIDDEN}",)}


def test_an_answer_keeps_all_but_the_secret_that_its_message_quotes() -> None:
    status = ResponseStatus(code=422, reason="Invalid", message=f"password: {SECRET}", status="Failure")

    assert event(response_status=status).response_status == msgspec.structs.replace(
        status, message=f"password: {HIDDEN}"
    )
    assert event(response_status=None).response_status is None


def test_only_the_annotation_of_a_mutating_webhook_is_read_as_a_patch() -> None:
    patch = '{"webhook":"x","patch":[{"op":"add","path":"/data/k","value":"' + SECRET + '"}],"patchType":"JSONPatch"}'
    plain = '{"webhook":"x","configuration":"y"}'
    names = ("patch.webhook.admission.k8s.io/round_0_index_1", "mutation.webhook.admission.k8s.io/round_0_index_1")
    found = event(object_ref=SECRETS, annotations=dict.fromkeys(names, patch)).annotations
    told = msgspec.json.decode(found[names[0]])

    assert told == {
        "webhook": "x",
        "patch": [{"op": "add", "path": "/data/k", "value": HIDDEN}],
        "patchType": "JSONPatch",
    }
    assert found[names[1]] == patch
    assert event(annotations={names[0]: plain}).annotations == {names[0]: plain}


def test_an_annotation_with_half_a_character_is_kept_and_redacted() -> None:
    name = "patch.webhook.admission.k8s.io/round_0_index_1"
    told = event(annotations={name: '{"webhook":"\ud800","password":"' + SECRET + '"}'}).annotations[name]

    assert SECRET not in told
    assert HIDDEN in told
