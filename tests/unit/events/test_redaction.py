"""Secrets never leave the redactor, references and changes of a secret stay visible."""

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditwatch.events.redaction import Redactor
from auditwatch.events.sensitive import _PATTERNS, _harmless, hide_in_text, is_sensitive

PLANTED = "Pl4nted-s3cret-value"
REDACTOR = Redactor(b"a key of an installation")
SENSITIVE_KEYS = [
    "password",
    "dbPassword",
    "DB_PASSWORD",
    "passwd",
    "passphrase",
    "token",
    "accessToken",
    "refresh-token",
    "secret",
    "clientSecret",
    "secretKey",
    "aws_secret_access_key",
    "accessKey",
    "privateKey",
    "tls.private-key",
    "apiKey",
    "connectionString",
    "receiveString",
    "credentials",
    "Authorization",
    ".dockerconfigjson",
    "kubeconfig",
    "example.com/token",
]


def redacted(obj: dict[str, Any], group: str = "config.kio.kasten.io", resource: str = "profiles") -> Any:
    return REDACTOR.redact(group, resource, obj)


@pytest.mark.parametrize("key", SENSITIVE_KEYS)
def test_a_text_under_a_sensitive_key_becomes_an_hmac(key: str) -> None:
    assert redacted({"spec": {key: PLANTED}}) == {"spec": {key: REDACTOR.hide(PLANTED)}}


def test_a_hidden_value_is_an_algorithm_and_32_hex_digits() -> None:
    algorithm, _, digits = REDACTOR.hide(PLANTED).partition(":")

    assert algorithm == "hmac-sha256"
    assert len(digits) == 32
    assert set(digits) <= set("0123456789abcdef")


def test_equal_secrets_stay_equal_and_different_ones_different() -> None:
    before, after = redacted({"password": "old"}), redacted({"password": "new"})

    assert before == redacted({"password": "old"})
    assert before != after


def test_another_installation_hides_the_same_secret_differently() -> None:
    assert REDACTOR.hide(PLANTED) != Redactor(b"another key").hide(PLANTED)


def test_a_number_under_a_sensitive_key_is_hidden_and_a_switch_is_not() -> None:
    hidden = redacted({"password": 1234, "automountServiceAccountToken": False, "token": None})

    assert hidden == {"password": REDACTOR.hide(1234), "automountServiceAccountToken": False, "token": None}


@pytest.mark.parametrize(
    "reference",
    [
        {"secret": {"name": "k10-s3-secret", "namespace": "kasten-io"}},
        {"migrationToken": {"name": "token", "namespace": "kasten-io"}},
        {
            "credential": {
                "secretType": "AwsAccessKey",
                "secret": {"apiVersion": "v1", "kind": "Secret", "name": "a", "namespace": "b"},
            }
        },
        {"env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]},
        {
            "volumes": [
                {"name": "v", "secret": {"secretName": "s", "defaultMode": 420, "items": [{"key": "k", "path": "p"}]}}
            ]
        },
        {"imagePullSecrets": [{"name": "registry"}]},
    ],
)
def test_a_reference_to_a_secret_stays_readable(reference: dict[str, Any]) -> None:
    assert redacted({"spec": reference}) == {"spec": reference}


def test_a_value_beside_a_reference_is_hidden() -> None:
    hidden = redacted({"credential": {"name": "s3", "value": PLANTED, "nested": {"deep": [PLANTED]}}})

    assert hidden["credential"]["name"] == "s3"
    assert PLANTED not in json.dumps(hidden)


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_all_data_of_a_secret_is_hidden_and_its_keys_are_kept(field: str) -> None:
    secret = {"metadata": {"name": "s"}, "type": "Opaque", field: {"user": "YWxpY2U=", "name": "eA=="}}

    hidden = redacted(secret, "", "secrets")

    assert hidden["type"] == "Opaque"
    assert list(hidden[field]) == ["user", "name"]
    assert all(value.startswith("hmac-sha256:") for value in hidden[field].values())


def test_secrets_inside_a_list_of_secrets_are_hidden_though_its_items_have_no_kind() -> None:
    hidden = redacted({"kind": "SecretList", "items": [{"data": {"user": PLANTED}}]}, "", "secrets")

    assert PLANTED not in json.dumps(hidden)


def test_a_secret_embedded_in_another_kind_is_hidden() -> None:
    embedded = {"spec": {"objects": [{"kind": "Secret", "data": {"name": PLANTED}}]}}

    assert PLANTED not in json.dumps(redacted(embedded))


def test_the_data_of_a_config_map_stays_and_its_sensitive_keys_are_hidden() -> None:
    config = {"data": {"loglevel": "debug", "admin-password": PLANTED}}

    hidden = redacted(config, "", "configmaps")

    assert hidden["data"]["loglevel"] == "debug"
    assert hidden["data"]["admin-password"] == REDACTOR.hide(PLANTED)


def test_the_token_of_a_token_request_is_hidden() -> None:
    answer = {"kind": "TokenRequest", "status": {"token": PLANTED, "expirationTimestamp": "2026-11-23T00:00:00Z"}}

    hidden = redacted(answer, "", "serviceaccounts/token")

    assert hidden["status"] == {"token": REDACTOR.hide(PLANTED), "expirationTimestamp": "2026-11-23T00:00:00Z"}


def test_an_environment_variable_with_a_secret_name_loses_its_value() -> None:
    container = {"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": PLANTED}, {"name": "LEVEL", "value": "info"}]}

    hidden = redacted({"spec": {"containers": [container]}}, "apps", "deployments")

    env = hidden["spec"]["containers"][0]["env"]
    assert env == [
        {"name": "AWS_SECRET_ACCESS_KEY", "value": REDACTOR.hide(PLANTED)},
        {"name": "LEVEL", "value": "info"},
    ]


def test_the_arguments_of_a_blueprint_lose_their_secrets() -> None:
    blueprint = {"actions": {"backup": {"phases": [{"args": {"password": PLANTED, "image": "tools:1"}}]}}}

    args = redacted(blueprint, "cr.kanister.io", "blueprints")["actions"]["backup"]["phases"][0]["args"]

    assert args == {"password": REDACTOR.hide(PLANTED), "image": "tools:1"}


def test_copies_of_the_object_inside_itself_are_dropped() -> None:
    metadata = {
        "name": "n",
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": PLANTED, "team": "a"},
    }

    assert redacted({"metadata": metadata}) == {"metadata": {"name": "n", "annotations": {"team": "a"}}}


@pytest.mark.parametrize(
    "text",
    [
        f"curl -H 'Authorization: Bearer {PLANTED}' https://example.com",
        f"Authorization: Basic {PLANTED}",
        f"mysqldump --password={PLANTED} shop",
        f'{{"password": "{PLANTED}"}}',
        f'{{\\"token\\":\\"{PLANTED}\\"}}',
        f"postgres://backup:{PLANTED}@db.example.com/shop",
        f"DefaultEndpointsProtocol=https;AccountKey={PLANTED};EndpointSuffix=core.example.com",
        f"aws_secret_access_key = {PLANTED}\nregion = eu-west-1",
        f"-----BEGIN RSA PRIVATE KEY-----\n{PLANTED}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{PLANTED} cut off",
    ],
)
def test_a_credential_inside_a_text_is_hidden(text: str) -> None:
    hidden = redacted({"spec": {"command": ["sh", "-c", text]}})["spec"]["command"]

    assert PLANTED not in hidden[2]
    assert "hmac-sha256:" in hidden[2]


@pytest.mark.parametrize(
    "credential",
    ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"],
)
def test_a_credential_known_by_its_looks_is_hidden_wherever_it_stands(credential: str) -> None:
    assert credential not in redacted({"note": f"use {credential} for now"})["note"]


@pytest.mark.parametrize(
    "text",
    [
        "export PASSWORD=$(cat /run/secret)",
        "token: {{ .Phases.login.Output.token }}",
        "retention: daily",
        "a token ring",
    ],
)
def test_a_text_that_only_speaks_of_secrets_is_kept(text: str) -> None:
    assert redacted({"args": [text]}) == {"args": [text]}


def test_the_surroundings_of_a_hidden_credential_stay_readable() -> None:
    hidden = redacted({"arg": f"--host=db --password={PLANTED} --port=1"})["arg"]

    assert hidden == f"--host=db --password={REDACTOR.hide(PLANTED)} --port=1"


def test_order_and_shape_are_kept() -> None:
    obj = {"z": 1, "a": {"y": [1, {"c": True}, [], {}], "b": None}, "m": 1.5}

    assert json.dumps(redacted(obj)) == json.dumps(obj)


def test_the_object_given_is_not_changed() -> None:
    obj = {"spec": {"password": PLANTED, "list": [{"token": "t"}]}, "metadata": {"managedFields": []}}
    before = copy.deepcopy(obj)

    redacted(obj)

    assert obj == before


def test_an_object_of_9900_levels_is_redacted_to_its_bottom() -> None:
    deep: dict[str, Any] = {}
    bottom = deep
    for _ in range(9900):
        bottom["a"] = {}
        bottom = bottom["a"]
    bottom["password"] = PLANTED

    found = redacted(deep)
    while "a" in found:
        found = found["a"]

    assert found == {"password": REDACTOR.hide(PLANTED)}


def test_a_lone_surrogate_is_hidden_like_any_text() -> None:
    assert redacted({"password": "\ud800"})["password"].startswith("hmac-sha256:")


def test_redacting_twice_changes_nothing_more() -> None:
    once = redacted({"a": [f"Authorization: Bearer {PLANTED}", f"password={PLANTED}"], "token": PLANTED})

    assert redacted(once) == once


def test_the_name_of_an_annotation_counts_without_its_prefix() -> None:
    assert is_sensitive("example.com/password")
    assert not is_sensitive("token.example.com/owner")


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None, max_examples=50)
@given(tree=trees, key=st.sampled_from(SENSITIVE_KEYS), path=st.lists(st.sampled_from(["spec", "a", 0]), max_size=5))
def test_no_secret_planted_under_a_listed_key_survives_anywhere(tree: Any, key: str, path: list[str | int]) -> None:
    planted: Any = {"beside": tree, key: PLANTED, "list": [{key: [PLANTED, {"value": PLANTED}]}]}
    for step in path:
        planted = [tree, planted] if step == 0 else {"beside": tree, str(step): planted}

    hidden = redacted({"spec": planted})

    assert PLANTED not in json.dumps(hidden)
    assert "hmac-sha256:" in json.dumps(hidden)


@settings(deadline=None, max_examples=50)
@given(tree=st.dictionaries(st.text(max_size=6), trees, max_size=4))
def test_redaction_is_idempotent_for_any_object(tree: dict[str, Any]) -> None:
    once = redacted(tree)

    assert redacted(once) == once


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        (2**64, 2.0**64),
        (-(2**63) - 1, -(2.0**63)),
        (10**29, 1e29),
        (True, True),
        (1.5, 1.5),
    ],
)
def test_a_number_that_no_encoding_can_hold_becomes_one_that_every_encoding_can(number: float, kept: float) -> None:
    found = redacted({"spec": [number]})["spec"][0]

    assert found == kept
    assert type(found) is type(kept)


def test_a_number_beyond_every_float_becomes_the_beginning_of_its_text() -> None:
    assert redacted({"a": 16**300})["a"] == "0x1" + "0" * 61
    assert redacted({"password": 10**4000})["password"].startswith("hmac-sha256:")


@given(text=st.text(alphabet="=: \"'-_aAsS\u017f\u212akKeEyY./@0") | st.text())
@settings(max_examples=300)
@example(text="\u017f")
def test_the_quick_look_at_a_text_never_lets_a_credential_pass(text: str) -> None:
    for words in (
        "{}",
        "password{}",
        "pa{}ssword=x",
        "pas{}word=x",
        "to{}ken: abcdef",
        "s{}ecret-key=abc",
        "http://u:p{}@h",
        "eyJ{}abcdef.x",
    ):
        whole = words.format(text)
        slow = whole
        for pattern in _PATTERNS:
            slow = pattern.sub(lambda found: found[1] + REDACTOR.hide(found[2]), slow)
        assert hide_in_text(whole, REDACTOR.hide) == slow


def test_a_text_without_a_hint_is_remembered_and_no_other_is() -> None:
    for text in ("RBAC: allowed", "password=open", "x" * 1000):
        assert [hide_in_text(text, REDACTOR.hide) for _ in range(2)] == [REDACTOR.text(text)] * 2
    assert "RBAC: allowed" in _harmless
    assert not any("password" in text or len(text) > 256 for text in _harmless)


def test_only_so_many_texts_are_remembered() -> None:
    for number in range(3000):
        hide_in_text(f"agent {number}", REDACTOR.hide)
    assert len(_harmless) <= 1024


def test_a_name_of_any_length_is_judged_by_its_ending() -> None:
    assert is_sensitive("x" * 1_000_000 + "Password")
    assert not is_sensitive("password" * 1_000 + "s-of-nobody")
