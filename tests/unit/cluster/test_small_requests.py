"""The few requests that are asked once: who we are, which cluster this is, what we may do, what findings there are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from auditwatch.cluster import discovery
from auditwatch.cluster.access import Permission, missing, require
from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ForbiddenError, NotFoundError, UnavailableError
from auditwatch.cluster.findings import FindingStore
from auditwatch.cluster.requests import Resource
from auditwatch.cluster.token_review import ClusterTokenReviewer, ReviewedToken
from auditwatch.cluster.whoami import username
from tests.unit.cluster.hostile import serving

POLICIES = Resource("config.kio.kasten.io", "v1alpha1", "policies")
FINDING = {"metadata": {"namespace": "aw", "name": "f-1"}, "spec": {"rule": "r"}}


class Server:
    """Answers by (method, path), else 404; remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.at_once = self.most_at_once = 0
        self.decide: Callable[[Any], Any] | None = None

    async def answer(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text() or "null")
        self.asked.append((request.method, request.path, dict(request.query), body))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.002)
        self.at_once -= 1
        if self.decide is not None:
            return web.json_response(self.decide(body))
        status, answer = self.answers.get((request.method, request.path), (404, {"reason": "NotFound"}))
        return web.json_response(answer, status=status)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def cluster(server: Server, tmp_path: Path) -> AsyncIterator[Cluster]:
    async with _serving(server, tmp_path) as connected:
        yield connected


@asynccontextmanager
async def _serving(server: Server, directory: Path) -> AsyncIterator[Cluster]:
    async with serving(server.answer, directory) as connected:
        yield connected


WHOAMI = ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews")


@pytest.mark.parametrize(
    ("said", "name"),
    [({"status": {"userInfo": {"username": "jane"}}}, "jane"), ({}, ""), ({"status": None}, ""), ({"status": {}}, "")],
)
async def test_who_we_are_is_what_the_server_calls_us_or_nobody(
    server: Server, cluster: Cluster, said: Any, name: str
) -> None:
    server.answers[WHOAMI] = (201, said)

    assert await username(cluster) == name
    assert server.asked[0][3]["kind"] == "SelfSubjectReview"


async def test_a_cluster_is_known_by_the_uid_of_its_oldest_namespace(server: Server, cluster: Cluster) -> None:
    server.answers["GET", "/api/v1/namespaces/kube-system"] = (200, {"metadata": {"uid": "uid-1"}})

    assert await discovery.cluster_id(cluster) == "uid-1"


@pytest.mark.parametrize(("status", "served"), [(200, True), (403, True), (404, False)])
async def test_a_kind_is_served_also_where_it_may_not_be_seen(
    server: Server, cluster: Cluster, status: int, *, served: bool
) -> None:
    path = "/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies"
    server.answers["GET", path] = (status, {"metadata": {"continue": "more"}, "items": [{}]})

    assert await discovery.is_served(cluster, POLICIES, namespace="kasten-io") is served
    assert [query["limit"] for _, _, query, _ in server.asked] == ["1"]


async def test_an_aggregated_api_that_is_down_is_neither_served_nor_not(server: Server, cluster: Cluster) -> None:
    server.answers["GET", "/apis/config.kio.kasten.io/v1alpha1/policies"] = (503, {})

    with pytest.raises(UnavailableError):
        await discovery.is_served(cluster, POLICIES)


async def test_without_the_right_to_list_deployments_k10_is_not_declared_absent(
    server: Server, cluster: Cluster
) -> None:
    server.answers["GET", "/apis/apps/v1/deployments"] = (403, {})

    with pytest.raises(ForbiddenError, match=r"list deployments\.apps"):
        await discovery.find_instances(cluster)


async def test_missing_rights_are_named_in_the_order_asked_and_asked_a_few_at_a_time(
    server: Server, cluster: Cluster
) -> None:
    asked = [Permission("get", "", "pods/log", namespace=f"ns-{number}") for number in range(20)]

    def decide(body: Any) -> Any:
        attributes = body["spec"]["resourceAttributes"]
        assert (attributes["resource"], attributes["subresource"]) == ("pods", "log")
        return {"status": {"allowed": int(attributes["namespace"].partition("-")[2]) % 7 != 0}}

    server.decide = decide

    assert await missing(cluster, asked) == [asked[0], asked[7], asked[14]]
    assert 1 < server.most_at_once <= 8


@pytest.mark.parametrize("said", [{}, {"status": None}, {"status": {"allowed": "true"}}])
async def test_an_answer_that_does_not_say_yes_is_a_no(server: Server, cluster: Cluster, said: Any) -> None:
    server.decide = lambda _body: said
    wanted = Permission("list", "apps", "deployments")

    assert await missing(cluster, [wanted]) == [wanted]


async def test_the_first_right_that_is_missing_is_told_like_a_refusal_and_is_none(
    server: Server, cluster: Cluster
) -> None:
    server.decide = lambda body: {"status": {"allowed": body["spec"]["resourceAttributes"]["verb"] == "list"}}
    rights = [Permission(verb, "apps", "deployments", "kasten-io-mc") for verb in ("list", "watch", "get")]

    await require(cluster, rights[0])
    with pytest.raises(ForbiddenError, match=r"watch deployments\.apps in namespace kasten-io-mc: 403") as refused:
        await require(cluster, *rights)

    assert (refused.value.status, refused.value.request.verb) == (403, "watch")
    assert {(method, path.rpartition("/")[2]) for method, path, _, _ in server.asked} == {
        ("POST", "selfsubjectaccessreviews")
    }


async def test_where_nobody_may_ask_for_rights_none_is_called_missing(server: Server, cluster: Cluster) -> None:
    server.answers["POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = (403, {})

    await require(cluster, Permission("list", "apps", "deployments"))


async def test_a_token_is_reviewed_for_our_audience(server: Server, cluster: Cluster) -> None:
    user = {"username": "system:serviceaccount:audit:agent"}
    server.decide = lambda body: {
        "status": {
            "authenticated": body["spec"]["token"] == "good",
            "audiences": body["spec"]["audiences"],
            "user": user,
        }
    }
    reviewer = ClusterTokenReviewer(cluster)

    assert await reviewer.review("good", audience="ours") == ReviewedToken(username=user["username"])
    assert await reviewer.review("bad", audience="ours") is None


FINDINGS = "/apis/k10auditwatch.io/v1alpha1/namespaces/aw/k10securityfindings"


async def test_a_finding_is_made_under_our_field_manager(server: Server, cluster: Cluster) -> None:
    server.answers["POST", FINDINGS] = (201, FINDING)

    assert await FindingStore(cluster).create(FINDING) == FINDING
    assert server.asked[0][2] == {"fieldManager": "auditwatch-findings"}


async def test_a_finding_that_is_there_already_is_answered_without_being_changed(
    server: Server, cluster: Cluster
) -> None:
    known = {**FINDING, "triage": {"state": "Acknowledged"}}
    server.answers["POST", FINDINGS] = (409, {"reason": "AlreadyExists"})
    server.answers["PATCH", f"{FINDINGS}/f-1/status"] = (200, known)

    assert await FindingStore(cluster).create(FINDING) == known
    assert server.asked[-1][3] == {"status": {}}


async def test_a_finding_deleted_between_the_two_is_none(server: Server, cluster: Cluster) -> None:
    server.answers["POST", FINDINGS] = (409, {"reason": "AlreadyExists"})

    assert await FindingStore(cluster).create(FINDING) is None


async def test_a_namespace_that_is_not_there_is_said(server: Server, cluster: Cluster) -> None:
    with pytest.raises(NotFoundError):
        await FindingStore(cluster).create(FINDING)
    assert len(server.asked) == 1


async def test_what_somebody_has_deleted_is_not_made_again_by_a_status_or_a_label(
    server: Server, cluster: Cluster
) -> None:
    store = FindingStore(cluster)

    assert await store.write_status("aw", "f-1", {"count": 2}) is None
    assert await store.write_labels("aw", "f-1", {"a": "b"}) is None
    assert [method for method, *_ in server.asked] == ["PATCH", "PATCH"]


async def test_labels_are_written_beside_those_of_people_and_never_to_the_status(
    server: Server, cluster: Cluster
) -> None:
    server.answers["PATCH", f"{FINDINGS}/f-1"] = (200, FINDING)

    assert await FindingStore(cluster).write_labels("aw", "f-1", {"a": "b"}) == FINDING
    assert server.asked[0][3] == {"metadata": {"labels": {"a": "b"}}}


async def test_only_our_own_findings_are_listed(server: Server, cluster: Cluster) -> None:
    server.answers["GET", FINDINGS] = (200, {"items": [FINDING]})

    assert await FindingStore(cluster).list("aw", managed_by="auditwatch") == [FINDING]
    assert server.asked[0][2]["labelSelector"] == "app.kubernetes.io/managed-by=auditwatch"


async def test_findings_are_written_a_few_at_a_time(server: Server, cluster: Cluster) -> None:
    server.decide = lambda _body: FINDING
    store = FindingStore(cluster, concurrency=3)
    await asyncio.gather(*(store.write_status("aw", f"f-{number}", {}) for number in range(20)))

    assert server.most_at_once == 3
