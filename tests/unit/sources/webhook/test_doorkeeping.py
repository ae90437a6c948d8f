"""Real clients at the door: certificates, tokens and paths."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from auditwatch.cluster.errors import RequestLine, UnreachableError
from auditwatch.cluster.token_review import ReviewedToken
from auditwatch.journal.journal import Journal
from auditwatch.sources.webhook.plan import Sender, UnsafePlanError
from tests.unit.sources.webhook.making import INSTANCE, PATH, SOURCE, TOKEN, event, event_list, running

BODY = event_list(event(1))
AGENT = "system:serviceaccount:audit:agent"


def _agents_token(sub: str = AGENT) -> str:
    claims = {"aud": ["k10-auditwatch"], "sub": sub, "exp": 4_000_000_000}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


async def test_the_configured_certificate_and_the_configured_token_get_in(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        assert (await rig.post(BODY, name="kube-apiserver", token=""))[0] == 200
        assert (await rig.post(BODY, token=TOKEN))[0] == 200
        assert (await rig.post(BODY, name="kube-apiserver", token="wrong-but-not-needed"))[0] == 200


async def test_strangers_are_turned_away_and_counted(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        nothing = await rig.post(BODY, token="")
        wrong = await rig.post(BODY, token="another-token-of-some-length")
        other = await rig.post(BODY, token="", name="mallory")

        assert [nothing[0], wrong[0], other[0]] == [401, 401, 403]
        assert "client certificate or a bearer token" in nothing[1]
        assert "mallory" in other[1]
        assert rig.intake.records() == []
        report = rig.report()
        assert report.refused == {"Unauthenticated": 2, "Forbidden": 1}
        assert report.state == "Refusing"


@pytest.mark.parametrize("path", ["/", "/ingest", "/ingest/v1/audit-webhook", "/ingest/v1/other/cp-1", "/healthz"])
async def test_other_paths_do_not_exist(tmp_path: Path, journal: Journal, path: str) -> None:
    async with running(tmp_path, journal) as rig:
        status, text, _ = await rig.post(BODY, path=path)

        assert status == 404
        assert "/ingest/v1/<source>/<instance>" in text


@pytest.mark.parametrize("suffix", ["/", "/../cp-2", "/needles/x", "//needles", "%00", "x/needles"])
async def test_what_is_nearly_the_path_is_not_the_path(tmp_path: Path, journal: Journal, suffix: str) -> None:
    async with running(tmp_path, journal) as rig:
        assert (await rig.post(BODY, path=PATH + suffix))[0] == 404
        assert rig.intake.records() == []


async def test_a_query_does_not_change_the_path(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        assert (await rig.post(BODY, path=f"{PATH}?timeout=30s"))[0] == 200


async def test_each_sender_is_bound_to_its_own_path(tmp_path: Path, journal: Journal) -> None:
    senders = [
        Sender(source=SOURCE, instance="cp-1", certificate_name="apiserver-1"),
        Sender(source=SOURCE, instance="cp-2", certificate_name="apiserver-2"),
    ]
    async with running(tmp_path, journal, senders=senders) as rig:
        own = await rig.post(BODY, name="apiserver-2", token="", path=f"/ingest/v1/{SOURCE}/cp-2")
        others = await rig.post(BODY, name="apiserver-2", token="", path=f"/ingest/v1/{SOURCE}/cp-1")

        assert (own[0], others[0]) == (200, 403)
        assert [record.instance for record in rig.intake.records()] == ["cp-2"]


async def test_only_post_brings_events_and_only_get_asks_for_needles(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
            status, _, headers = await rig.post(None, method=method)
            assert (status, headers["Allow"]) == (405, "POST")
        status, _, headers = await rig.post(BODY, path=f"{PATH}/needles")
        assert (status, headers["Allow"]) == (405, "GET")
        assert rig.intake.records() == []


async def test_needles_are_not_told_to_strangers(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        assert (await rig.post(None, method="GET", path=f"{PATH}/needles", token=""))[0] == 401


async def test_an_agents_token_is_reviewed_once_and_bound_to_its_node(tmp_path: Path, journal: Journal) -> None:
    senders = [Sender(source=SOURCE, instance="*", service_account="audit/agent")]
    token = _agents_token()

    async with running(tmp_path, journal, senders=senders) as rig:
        rig.reviewer.known[token] = ReviewedToken(username=AGENT, node="node-7")
        own = [await rig.post(BODY, token=token, path=f"/ingest/v1/{SOURCE}/node-7") for _ in range(2)]
        others = await rig.post(BODY, token=token, path=f"/ingest/v1/{SOURCE}/node-8")

        assert ([each[0] for each in own], others[0]) == ([200, 200], 403)
        assert rig.reviewer.asked == [(token, "k10-auditwatch")]
        assert {each.instance for each in rig.source.report()} == {"*", "node-7"}, "strangers make no accounts"
        assert rig.report("*").refused == {"Forbidden": 1}


async def test_the_api_server_is_not_asked_about_what_is_not_for_us(tmp_path: Path, journal: Journal) -> None:
    senders = [Sender(source=SOURCE, instance=INSTANCE, service_account="audit/agent")]

    async with running(tmp_path, journal, senders=senders) as rig:
        status, text, _ = await rig.post(BODY, token=_agents_token("system:serviceaccount:default:default"))

        assert status == 401
        assert "another service account" in text
        assert rig.reviewer.asked == []


async def test_an_api_server_that_is_down_makes_agents_come_again(tmp_path: Path, journal: Journal) -> None:
    senders = [Sender(source=SOURCE, instance=INSTANCE, service_account="audit/agent")]

    async with running(tmp_path, journal, senders=senders) as rig:
        rig.reviewer.fails = UnreachableError(RequestLine("create", "", "tokenreviews"), "refused")
        status, _, headers = await rig.post(BODY, token=_agents_token())

        assert (status, headers["Retry-After"]) == (503, "2")
        assert rig.report().refused == {"ReviewUnavailable": 1}


async def test_anybody_gets_in_only_where_that_was_said_in_words(tmp_path: Path, journal: Journal) -> None:
    senders = [Sender(source=SOURCE, instance=INSTANCE)]
    with pytest.raises(UnsafePlanError):
        async with running(tmp_path, journal, senders=senders):
            pass

    async with running(tmp_path, journal, senders=senders, accepts_forgeries=True) as rig:
        assert (await rig.post(BODY, token=""))[0] == 200


async def test_a_token_file_is_read_again_while_the_source_runs(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        (tmp_path / "token").write_text("a-new-token-of-some-length", encoding="ascii")
        rig.source._look_at_files(rig.source._tls)  # type: ignore[arg-type] # it is there: the source runs

        assert (await rig.post(BODY, token=TOKEN))[0] == 401
        assert (await rig.post(BODY, token="a-new-token-of-some-length"))[0] == 200


@pytest.mark.parametrize("content", ["", "short", "two tokens-of-some-length", "ü" * 20])
async def test_a_token_file_that_cannot_be_used_is_told_and_admits_nobody(
    tmp_path: Path, journal: Journal, content: str
) -> None:
    (tmp_path / "token").write_text(content, encoding="utf-8")

    async with running(tmp_path, journal) as rig:
        assert (await rig.post(BODY, token=TOKEN))[0] == 401
        assert "token file" in rig.report().message
