"""The client against a real API server: objects, pages, watches and refusals as they really are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from auditwatch.cluster.access import Permission, is_allowed, missing
from auditwatch.cluster.client import Cluster
from auditwatch.cluster.discovery import cluster_id, find_instances, is_served
from auditwatch.cluster.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    MethodNotAllowedError,
    NotFoundError,
)
from auditwatch.cluster.requests import Resource
from tests.cluster.controlplane import ControlPlane
from tests.cluster.identities import INTRUDER

CONFIG_MAPS = Resource("", "v1", "configmaps")
NAMESPACES = Resource("", "v1", "namespaces")
STATUSES = Resource("", "v1", "componentstatuses")
NOWHERE = Resource("nowhere.example.com", "v1", "things")


@pytest.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig()) as connected:
        yield connected


def config_map(name: str, **data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def test_an_object_is_created_read_patched_replaced_and_deleted(cluster: Cluster) -> None:
    await cluster.create(CONFIG_MAPS, config_map("life", a="1"), namespace="default")
    patched = await cluster.patch(CONFIG_MAPS, "life", {"data": {"b": "2"}}, namespace="default")
    assert patched["data"] == {"a": "1", "b": "2"}

    await cluster.replace(CONFIG_MAPS, "life", {**patched, "data": {"c": "3"}}, namespace="default")
    assert (await cluster.get(CONFIG_MAPS, "life", namespace="default"))["data"] == {"c": "3"}

    await cluster.delete(CONFIG_MAPS, "life", namespace="default")
    with pytest.raises(NotFoundError, match="get configmaps life in namespace default"):
        await cluster.get(CONFIG_MAPS, "life", namespace="default")


async def test_a_name_that_is_taken_is_a_conflict(cluster: Cluster) -> None:
    await cluster.create(CONFIG_MAPS, config_map("taken"), namespace="default")

    with pytest.raises(ConflictError):
        await cluster.create(CONFIG_MAPS, config_map("taken"), namespace="default")


async def test_writing_over_a_version_that_has_passed_is_a_conflict(cluster: Cluster) -> None:
    old = await cluster.create(CONFIG_MAPS, config_map("raced"), namespace="default")
    await cluster.patch(CONFIG_MAPS, "raced", {"data": {"a": "1"}}, namespace="default")

    with pytest.raises(ConflictError):
        await cluster.replace(CONFIG_MAPS, "raced", old, namespace="default")


async def test_deleting_by_uid_spares_a_later_object_of_the_name(cluster: Cluster) -> None:
    await cluster.create(CONFIG_MAPS, config_map("reborn"), namespace="default")

    with pytest.raises(ConflictError):
        await cluster.delete(CONFIG_MAPS, "reborn", namespace="default", uid="another-uid")


async def test_an_invalid_object_is_told_with_the_servers_words(cluster: Cluster) -> None:
    with pytest.raises(InvalidError, match=r"metadata\.name"):
        await cluster.create(CONFIG_MAPS, config_map("NOT VALID"), namespace="default")


async def test_pages_hold_every_object_once(cluster: Cluster) -> None:
    names = {f"paged-{number}" for number in range(25)}
    for name in names:
        await cluster.create(CONFIG_MAPS, config_map(name), namespace="default")

    pages = [page async for page in cluster.list_pages(CONFIG_MAPS, namespace="default", limit=4)]

    assert max(len(page.items) for page in pages) == 4
    assert len({page.resource_version for page in pages}) == 1
    paged = [json.loads(item)["metadata"]["name"] for page in pages for item in page.items]
    listed = [one["metadata"]["name"] for one in await cluster.list(CONFIG_MAPS, namespace="default")]
    # Controllers may add a config map of their own between the two.
    assert [sorted(names & set(found)) for found in (paged, listed)] == [sorted(names)] * 2
    assert len(paged) == len(set(paged))


async def test_a_watch_tells_what_happened_after_its_version(cluster: Cluster) -> None:
    created = await cluster.create(CONFIG_MAPS, config_map("watched"), namespace="default")
    version = created["metadata"]["resourceVersion"]
    async with aclosing(cluster.watch(CONFIG_MAPS, resource_version=version, namespace="default")) as groups:
        assert await anext(groups) == []
        await cluster.patch(CONFIG_MAPS, "watched", {"data": {"a": "1"}}, namespace="default")

        [line, *_] = await anext(groups)

    assert line.startswith(b'{"type":"MODIFIED"')
    assert b'"name":"watched"' in line


async def test_a_refusal_names_the_verb_and_the_resource(control_plane: ControlPlane) -> None:
    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig(INTRUDER)) as cluster:
        with pytest.raises(
            ForbiddenError, match=r"^list configmaps in namespace kube-system: 403 Forbidden: "
        ) as caught:
            await cluster.list(CONFIG_MAPS, namespace="kube-system")

    assert caught.value.request.verb == "list"


async def test_a_kind_that_cannot_be_watched_says_so(cluster: Cluster) -> None:
    with pytest.raises(MethodNotAllowedError):
        await anext(cluster.watch(STATUSES, resource_version=""))


async def test_missing_rights_are_found_out_beforehand(control_plane: ControlPlane) -> None:
    asked = [
        Permission("create", "authorization.k8s.io", "selfsubjectaccessreviews"),
        Permission("list", "", "secrets"),
    ]
    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig(INTRUDER)) as cluster:
        assert await missing(cluster, asked) == asked[1:]
    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig()) as cluster:
        assert await missing(cluster, asked) == []
        assert await is_allowed(cluster, asked[1])


async def test_a_cluster_is_known_by_its_oldest_namespace(cluster: Cluster) -> None:
    namespace = await cluster.get(NAMESPACES, "kube-system")

    assert await cluster_id(cluster) == namespace["metadata"]["uid"]


async def test_a_kind_is_served_or_not_whoever_may_see_it(control_plane: ControlPlane, cluster: Cluster) -> None:
    assert await is_served(cluster, CONFIG_MAPS)
    assert not await is_served(cluster, NOWHERE)
    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig(INTRUDER)) as intruder:
        assert await is_served(intruder, CONFIG_MAPS)


async def test_k10_is_found_by_its_deployment(control_plane: ControlPlane, cluster: Cluster) -> None:
    assert await find_instances(cluster) == ()
    control_plane.kubectl("create", "namespace", "backups")
    control_plane.kubectl("create", "deployment", "aggregatedapis-svc", "--image=k10", "--namespace=backups")
    control_plane.kubectl(
        "patch",
        "deployment",
        "aggregatedapis-svc",
        "--namespace=backups",
        '--patch={"spec":{"template":{"spec":{"serviceAccountName":"k10-k10"}}}}',
    )

    [instance] = await find_instances(cluster)

    assert instance.account == "system:serviceaccount:backups:k10-k10"
    control_plane.kubectl("delete", "namespace", "backups", "--wait=false")
