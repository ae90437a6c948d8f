"""The installer's configuration: defaults that work, and every mistake named with its path and its fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditwatch.runtime.settings import DefaultWatchSection, InvalidSettings, Settings, load_settings, parse_settings


def problems_of(text: str) -> dict[str, str]:
    with pytest.raises(InvalidSettings) as caught:
        parse_settings(text, origin="auditwatch.yaml")
    return {problem.path: problem.message for problem in caught.value.problems}


def test_without_a_file_there_are_defaults_that_work() -> None:
    settings = load_settings(None)

    assert settings == Settings()
    assert [source.name for source in settings.sources] == ["state", "k10-stream"]
    assert settings.journal.path == Path("/var/lib/auditwatch/journal.db")
    assert settings.journal.durable is False


def test_an_empty_file_means_the_defaults() -> None:
    assert parse_settings("", origin="x") == Settings()
    assert parse_settings("# nothing yet\n", origin="x") == Settings()


def test_a_whole_file_is_read_in_the_spelling_of_kubernetes() -> None:
    settings = parse_settings(
        """
        clusterName: prod-1
        k10s: [{name: main, namespace: backup, serviceAccount: k10, apiDomain: kio.backup}]
        sources: [{name: objects, type: State, pollSeconds: 30}]
        trustedProxies: [10.0.0.0/8, "2001:db8::/32"]
        journal: {path: /data/j.db, durable: true, limitBytes: 33554432, retentionDays: 3}
        tenancy: {namespaces: [team-*]}
        probes: {address: 127.0.0.1, port: 9000}
        lease: {name: aw, durationSeconds: 30}
        defaultWatch: {name: ours, fieldManager: helm, labels: {a: b}, annotations: {c: d}, spec: {paused: true}}
        """,
        origin="x",
    )

    assert settings.cluster_name == "prod-1"
    assert settings.k10s[0].service_account == "k10"
    assert settings.k10s[0].api_domain == "kio.backup"
    assert settings.state.poll_seconds == 30
    assert settings.state.name == "objects"
    assert settings.journal.limit_bytes == 32 * 1024**2
    assert settings.tenancy.namespaces == ("team-*",)
    assert settings.probes.port == 9000
    assert settings.lease.duration_seconds == 30
    assert settings.default_watch == DefaultWatchSection(
        name="ours", field_manager="helm", labels={"a": "b"}, annotations={"c": "d"}, spec={"paused": True}
    )


def test_a_typo_is_named_with_its_path_and_the_word_that_was_meant() -> None:
    found = problems_of("journal: {pathh: /x}")

    assert list(found) == ["journal.pathh"]
    assert "did you mean path?" in found["journal.pathh"]


def test_all_problems_are_told_at_once() -> None:
    text = "sources: [{type: Stat}, {name: other, pollSeconds: 1}]\nprobes: {port: 99999}\nnonsense: 1\n"
    found = problems_of(text)

    assert set(found) == {"sources[0].type", "sources[1].pollSeconds", "probes.port", "nonsense"}


def test_a_trusted_proxy_must_be_a_network() -> None:
    assert "not-a-network" in problems_of("trustedProxies: [not-a-network]")["trustedProxies[0]"]


def test_the_keys_that_are_known_are_spelled_as_they_are_written() -> None:
    known = problems_of("xyz: 1")["xyz"].partition("known are ")[2].split(", ")

    assert "k10s" in known
    for key in set(known) - {"sources"}:
        assert "unknown field" not in str(problems_of(f"{key}: 7"))


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("journal: {path: 5}", "journal.path", "must be the path of a file"),
        ("journal: {path: [a]}", "journal.path", "must be the path of a file"),
        ("probes: {port: x}", "probes.port", 'must be a whole number, not "x"'),
        ("journal: {retentionDays: 0.5}", "journal.retentionDays", "must be a whole number, not 0.5"),
        ("journal: {durable: perhaps}", "journal.durable", "must be true or false"),
        ("k10s: [{name: Main}]", "k10s[0].name", "use lower-case letters, digits and hyphens"),
        ("runbooks: {url: https://wiki.example.com}", "runbooks.url", "say where the name goes"),
        ("defaultWatch: {name: K10}", "defaultWatch.name", "use lower-case letters, digits and hyphens"),
        ("defaultWatch: {spek: {}}", "defaultWatch.spek", "did you mean spec?"),
        ("defaultWatch: {spec: []}", "defaultWatch.spec", "must be an object"),
        ("journal: {retention_days: 3}", "journal.retention_days", "did you mean retentionDays?"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_what_to_write(text: str, path: str, words: str) -> None:
    assert words in problems_of(text)[path]


def test_two_k10s_need_two_names() -> None:
    found = problems_of("k10s: [{namespace: a}, {namespace: b}]")

    assert any("same name" in message for message in found.values())


def test_what_is_not_yaml_is_one_readable_line() -> None:
    found = problems_of("journal: {path: [")

    assert found[""].startswith("is not YAML")
    assert "\n" not in found[""]


def test_a_list_is_not_a_configuration() -> None:
    assert problems_of("- a\n- b\n") == {"": "must be a mapping of settings, not list"}


def test_a_file_that_cannot_be_read_is_named_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"absent\.yaml.*--config"):
        load_settings(tmp_path / "absent.yaml")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InvalidSettings, match="cannot be read"):
        load_settings(path)


def test_the_manifests_configuration_is_valid() -> None:
    manifest = Path(__file__).parents[3] / "manifests" / "configuration.yaml"
    text = manifest.read_text().split("auditwatch.yaml: |\n", maxsplit=1)[1]

    assert parse_settings(text, origin="manifest").state.poll_seconds == 60
