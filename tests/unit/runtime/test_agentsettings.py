"""The agent's configuration: a file, flags over it, and every mistake named with its path and its fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditwatch.runtime.agent import endpoint_of
from auditwatch.runtime.agentsettings import load_agent_settings
from auditwatch.runtime.settings import InvalidSettings

WHOLE = """
url: https://auditwatch.k10-auditwatch.svc:8443
source: audit-log
instance: cp-1.example
path: /var/log/kubernetes/audit.log
stateFile: /var/lib/agent/position
start: Beginning
tokenFile: /var/run/secrets/auditwatch/token
tls: {serverCAFile: /etc/ca.crt, certFile: /etc/tls.crt, keyFile: /etc/tls.key}
compress: true
lineLimitBytes: 1048576
"""


def written(directory: Path, text: str) -> Path:
    path = directory / "agent.yaml"
    path.write_text(text)
    return path


def problems(directory: Path, text: str, **flags: str) -> dict[str, str]:
    with pytest.raises(InvalidSettings) as caught:
        load_agent_settings(written(directory, text), flags)
    return {problem.path: problem.message for problem in caught.value.problems}


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    settings = load_agent_settings(written(tmp_path, WHOLE), {})
    endpoint = endpoint_of(settings)

    assert settings.start == "Beginning"
    assert settings.state_file == Path("/var/lib/agent/position")
    assert settings.line_limit_bytes == 1 << 20
    assert settings.compress
    assert endpoint.path == "/ingest/v1/audit-log/cp-1.example"
    assert endpoint.client_key == Path("/etc/tls.key")
    assert endpoint.token_file == Path("/var/run/secrets/auditwatch/token")


def test_flags_go_before_the_file_and_may_do_without_it(tmp_path: Path) -> None:
    flags = {"instance": "cp-2", "tls.certFile": "/other.crt", "source": None}
    settings = load_agent_settings(written(tmp_path, WHOLE), flags)
    assert (settings.instance, settings.source) == ("cp-2", "audit-log")
    assert settings.tls.cert_file == Path("/other.crt")
    assert settings.tls.key_file == Path("/etc/tls.key")

    alone = {"url": "https://a:1", "instance": "n", "path": "/a.log", "tokenFile": "/t"}
    assert load_agent_settings(None, alone).source == "audit-log"


def test_everything_that_is_missing_is_named(tmp_path: Path) -> None:
    assert set(problems(tmp_path, "compress: true")) == {"url", "instance", "path"}


@pytest.mark.parametrize(
    ("line", "path", "words"),
    [
        ("url: http://a:1", "url", "https://host:port"),
        ("url: https://user@a:1", "url", "https://host:port"),
        ("path: audit.log", "path", "begin at the root"),
        ("instance: Not_a_node", "instance", "does not match"),
        ("start: Middle", "start", "Beginning, Live"),
        ("lineLimitBytes: 5", "lineLimitBytes", "at least 65536"),
        ("tokenfile: /t", "tokenfile", "did you mean tokenFile?"),
        ("tls: {certfile: /t}", "tls.certfile", "did you mean certFile?"),
        ("tls: {keyFile: /k}", "tls", "certFile"),
        ("tls: /etc", "tls", "object with fields"),
    ],
)
def test_a_mistake_is_named_with_its_path_and_its_fix(tmp_path: Path, line: str, path: str, words: str) -> None:
    key = line.partition(":")[0]
    text = "".join(f"{kept}\n" for kept in WHOLE.splitlines() if not kept.startswith(f"{key}:")) + line
    found = problems(tmp_path, text)

    assert list(found) == [path]
    assert words in found[path]


def test_an_agent_without_any_proof_of_who_it_is_is_refused(tmp_path: Path) -> None:
    text = "url: https://a:1\ninstance: n\npath: /a.log\n"

    assert "tokenFile or tls.certFile" in problems(tmp_path, text)[""]


def test_a_flag_into_what_is_no_section_changes_nothing_and_the_section_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="tls: must be an object"):
        load_agent_settings(written(tmp_path, WHOLE.replace("tls: {", "tls: []\nx: {")), {"tls.certFile": "/c"})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="cannot be read"):
        load_agent_settings(tmp_path / "nowhere.yaml", {})
