"""The sources of the installer's configuration: each type's own schema, and who may post to a webhook."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditwatch.runtime.settings import InvalidSettings, parse_settings
from auditwatch.runtime.sourcesections import FileSection, K10StreamSection, StateSection
from auditwatch.runtime.webhooksection import WebhookSection
from auditwatch.sources.webhook.apiserver import flags
from auditwatch.sources.webhook.plan import SelfMade, Sender, TLSFiles, WebhookPlan, check

MADE = Path("/var/lib/auditwatch/webhook")


def problems_of(sources: str) -> dict[str, str]:
    with pytest.raises(InvalidSettings) as caught:
        parse_settings(f"sources: {sources}", origin="auditwatch.yaml")
    return {problem.path: problem.message for problem in caught.value.problems}


def webhook(fields: str) -> WebhookSection:
    (section,) = parse_settings(f"sources: [{{type: Webhook, {fields}}}]", origin="x").sources
    assert isinstance(section, WebhookSection)
    return section


def plan(fields: str) -> WebhookPlan:
    return webhook(fields).plan(cluster="prod", made=MADE, own_hosts=("k10-auditwatch",))


def test_each_type_has_its_own_fields() -> None:
    settings = parse_settings(
        """
        sources:
        - {type: State}
        - {type: File, path: /var/log/kubernetes/audit/audit.log, instance: cp-1}
        - {type: K10Stream}
        - {type: Webhook, instances: [{name: cp-1, tokenFile: /etc/auditwatch/token}]}
        """,
        origin="x",
    )

    assert [type(each) for each in settings.sources] == [StateSection, FileSection, K10StreamSection, WebhookSection]
    assert [each.name for each in settings.sources] == ["state", "audit-log", "k10-stream", "audit-webhook"]


def test_state_is_watched_even_where_only_other_sources_are_listed() -> None:
    settings = parse_settings("sources: [{type: K10Stream}]", origin="x")

    assert settings.state == StateSection()


def test_an_unknown_type_is_told_once_with_the_one_that_was_meant() -> None:
    assert problems_of("[{type: webhook, anything: 1}]") == {
        "sources[0].type": 'unsupported value "webhook"; did you mean Webhook?; '
        "supported are State, File, Webhook, K10Stream"
    }


def test_a_typo_inside_a_source_is_named_with_the_path_in_the_file() -> None:
    found = problems_of("[{type: Webhook, listen: {prt: 1}, instances: [{name: a, tokenFil: /t}]}]")

    assert "did you mean port?" in found["sources[0].listen.prt"]
    assert "did you mean tokenFile?" in found["sources[0].instances[0].tokenFil"]


@pytest.mark.parametrize("text", ["{}", "5", "[]", "[7]"])
def test_what_is_no_list_of_sources_is_a_problem(text: str) -> None:
    assert problems_of(text)


def test_names_ports_and_the_state_source_are_unique() -> None:
    door = "instances: [{name: a, tokenFile: /t}]"
    found = problems_of(
        f"[{{type: Webhook, {door}}}, {{type: Webhook, name: b, {door}}},"
        f" {{type: Webhook, listen: {{port: 1}}, {door}}}, {{type: State}}, {{type: State, name: again}}]"
    )

    assert set(found) == {"sources[1].listen.port", "sources[2].name", "sources[4].type"}


def test_two_sources_may_take_any_port_each() -> None:
    door = "listen: {port: 0}, instances: [{name: a, tokenFile: /t}]"

    assert parse_settings(f"sources: [{{type: Webhook, {door}}}, {{type: Webhook, name: b, {door}}}]", origin="x")


def test_a_log_is_read_from_its_live_file_on_unless_its_backups_are_asked_for() -> None:
    for written, expected in (("", "Live"), (", start: Live", "Live"), (", start: Beginning", "Beginning")):
        text = f"sources: [{{type: File, path: /audit.log, instance: cp-1{written}}}]"
        (section,) = (each for each in parse_settings(text, origin="x").sources if isinstance(each, FileSection))
        assert section.start == expected
    assert "start" in str(problems_of("[{type: File, path: /audit.log, instance: cp-1, start: End}]"))


def test_a_relative_audit_log_is_refused_with_an_example() -> None:
    found = problems_of("[{type: File, path: audit.log, instance: a}]")

    assert "/var/log/kubernetes" in found["sources[0].path"]


def test_an_instance_nobody_has_to_prove_to_be_is_refused() -> None:
    found = problems_of("[{type: Webhook, instances: [{name: cp-1}]}]")

    assert "nothing proves who posts" in found["sources[0].instances[0]"]
    assert "I accept forged events" in found["sources[0].instances[0]"]


@pytest.mark.parametrize("said", ["true", '"yes"', '"I accept"'])
def test_forged_events_are_accepted_only_in_as_many_words(said: str) -> None:
    found = problems_of(f"[{{type: Webhook, authentication: {{anonymous: {said}}}, instances: [{{name: a}}]}}]")

    assert set(found) == {"sources[0].authentication.anonymous"}
    assert plan('authentication: {anonymous: "I accept forged events"}, instances: [{name: a}]').accepts_forgeries


def test_a_certificate_name_needs_the_ca_that_signs_such_certificates() -> None:
    found = problems_of("[{type: Webhook, instances: [{name: a, clientCertificateName: kube-apiserver}]}]")

    assert "clientCAFile" in found["sources[0].instances[0].clientCertificateName"]


@pytest.mark.parametrize("ways", ["", ", tokenFile: /t", ", serviceAccount: a/b, tokenFile: /t"])
def test_each_node_for_itself_takes_a_service_account_and_nothing_else(ways: str) -> None:
    assert "sources[0].instances[0].name" in problems_of(f'[{{type: Webhook, instances: [{{name: "*"{ways}}}]}}]')


def test_one_half_of_a_key_pair_is_refused() -> None:
    half = problems_of("[{type: Webhook, tls: {keyFile: /k}, instances: [{name: a, tokenFile: /t}]}]")

    assert set(half) == {"sources[0].tls.certFile"}


def test_two_instances_need_two_names() -> None:
    found = problems_of("[{type: Webhook, instances: [{name: a, tokenFile: /t}, {name: a, tokenFile: /u}]}]")

    assert set(found) == {"sources[0].instances[1].name"}


def test_a_plan_binds_each_sender_to_its_instance() -> None:
    made = plan(
        'instances: [{name: cp-1, tokenFile: /t}, {name: "*", serviceAccount: audit/agent}], maxEventBytes: 65536'
    )

    assert made.senders == (
        Sender(source="audit-webhook", instance="cp-1", token_file=Path("/t")),
        Sender(source="audit-webhook", instance="*", service_account="audit/agent"),
    )
    assert (made.name, made.cluster, made.port, made.limits.event_bytes) == ("audit-webhook", "prod", 8443, 65536)
    check(made)


def test_without_files_the_certificate_is_self_made_for_the_names_given() -> None:
    made = plan("tls: {hosts: [10.0.0.7, k10-auditwatch]}, instances: [{name: a, tokenFile: /t}]")

    assert made.tls == SelfMade(directory=MADE / "audit-webhook", hosts=("k10-auditwatch", "10.0.0.7"))


def test_with_files_those_are_served() -> None:
    made = plan("tls: {certFile: /c, keyFile: /k, clientCAFile: /ca}, instances: [{name: a, clientCertificateName: n}]")

    assert made.tls == TLSFiles(certificate=Path("/c"), key=Path("/k"), client_authority=Path("/ca"))


def test_there_is_always_room_for_the_largest_batch_an_api_server_is_told_to_send() -> None:
    (largest,) = [int(flag.value) for flag in flags("/x") if flag.name.endswith("truncate-max-batch-size")]

    found = problems_of(f"[{{type: Webhook, maxBytesInFlight: {largest}, instances: [{{name: a, tokenFile: /t}}]}}]")

    assert set(found) == {"sources[0].maxBytesInFlight"}


def test_a_self_made_ca_is_published_where_it_is_said_each_place_once() -> None:
    tls = plan(
        "tls: {caConfigMaps: [operator/ca, agents/webhook.ca, operator/ca]}, "
        "instances: [{name: cp-1, tokenFile: /etc/auditwatch/token}]"
    ).tls

    assert isinstance(tls, SelfMade)
    assert list(map(str, tls.published_in)) == ["operator/ca", "agents/webhook.ca"]
    assert tls.authority == MADE / "audit-webhook" / "ca.crt"


@pytest.mark.parametrize("place", ["ca", "Operator/ca", "operator/", "a/b/c", f"{'n' * 64}/ca"])
def test_a_config_map_is_named_with_its_namespace(place: str) -> None:
    found = problems_of(
        f"[{{type: Webhook, tls: {{caConfigMaps: [{place}]}}, instances: [{{name: a, tokenFile: /token}}]}}]"
    )

    assert list(found) == ["sources[0].tls.caConfigMaps[0]"]


def test_a_given_certificate_has_no_ca_to_publish() -> None:
    tls = "{certFile: /tls.crt, keyFile: /tls.key, caConfigMaps: [operator/ca]}"

    found = problems_of(f"[{{type: Webhook, tls: {tls}, instances: [{{name: a, tokenFile: /token}}]}}]")

    assert found == {
        "sources[0].tls.caConfigMaps": "publishes the self-made CA, which tls.certFile does without: "
        "leave one of them out"
    }
