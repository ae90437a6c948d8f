"""The webhook's self-made CA in a ConfigMap of a real API server, with no more rights than the chart gives."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.configmaps import ConfigMapKeeper
from auditwatch.sources.webhook import capublication
from auditwatch.sources.webhook.capublication import CAPublication, Pace
from auditwatch.sources.webhook.plan import ConfigMapName
from tests.cluster.controlplane import ControlPlane

NAME = "webhook-ca"
QUICK = Pace(look=0.05, check=0.1, retry=0.05, longest=0.1)
OPERATOR = """\
apiVersion: v1
kind: Namespace
metadata: {{name: {0}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: operator, namespace: {0}}}
"""
RIGHTS = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: publishes-ca, namespace: {0}}}
rules:
- {{apiGroups: [""], resources: [configmaps], verbs: [create]}}
- {{apiGroups: [""], resources: [configmaps], verbs: [get, update], resourceNames: [webhook-ca]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: publishes-ca, namespace: {0}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: publishes-ca}}
subjects:
- {{kind: ServiceAccount, name: operator, namespace: {0}}}
"""


@asynccontextmanager
async def publishing(plane: ControlPlane, namespace: str, file: Path) -> AsyncIterator[CAPublication]:
    kubeconfig = plane.service_account_kubeconfig(namespace, "operator")
    async with await Cluster.connect(kubeconfig=kubeconfig) as cluster:
        publication = CAPublication(
            "audit-webhook",
            [ConfigMapName(namespace, NAME)],
            file=file,
            config_maps=ConfigMapKeeper(cluster),
            monotonic=time.monotonic,
            pace=QUICK,
        )
        task = asyncio.create_task(publication.run())
        try:
            yield publication
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(2400):
        if await asyncio.to_thread(holds):
            return
        await asyncio.sleep(0.05)
    pytest.fail("it never came true")


def content(file: Path) -> str:
    return file.read_text(encoding="ascii")


def published(plane: ControlPlane, namespace: str) -> str:
    answer = plane.request("GET", f"/api/v1/namespaces/{namespace}/configmaps/{NAME}")
    return str(answer.json()["data"].get("ca.crt", "")) if answer.status == 200 else ""


@pytest.fixture
def authority(control_plane: ControlPlane, tmp_path: Path) -> Path:
    """The file of a CA."""
    return Path(shutil.copy(control_plane.authority_file, tmp_path / "ca.crt"))


async def test_the_config_map_is_made_follows_the_ca_and_comes_back_when_it_is_deleted(
    control_plane: ControlPlane, authority: Path
) -> None:
    namespace, first = "ca-published", content(authority)
    control_plane.apply(OPERATOR.format(namespace) + "---\n" + RIGHTS.format(namespace))

    async with publishing(control_plane, namespace, authority) as publication:
        await until(lambda: published(control_plane, namespace) == first)
        control_plane.kubectl("-n", namespace, "label", "configmap", NAME, "of=somebody")
        control_plane.kubectl("-n", namespace, "patch", "configmap", NAME, "-p", '{"data":{"other":"kept"}}')
        await asyncio.to_thread(authority.write_text, first + first, encoding="ascii")
        await until(lambda: published(control_plane, namespace) == first + first)
        found = control_plane.request("GET", f"/api/v1/namespaces/{namespace}/configmaps/{NAME}").json()
        assert found["data"]["other"] == "kept"
        assert found["metadata"]["labels"]["of"] == "somebody"
        control_plane.kubectl("-n", namespace, "delete", "configmap", NAME)
        await until(lambda: published(control_plane, namespace) == first + first)
        assert publication.problem == ""


async def test_without_the_right_it_says_so_and_goes_on_when_it_is_granted(
    control_plane: ControlPlane, authority: Path
) -> None:
    namespace = "ca-forbidden"
    control_plane.apply(OPERATOR.format(namespace))

    async with publishing(control_plane, namespace, authority) as publication:
        await until(lambda: bool(publication.problem))
        assert publication.problem == (
            f"the CA is not published in ConfigMap {namespace}/{NAME}: not permitted: grant the operator's service "
            f"account get configmaps {NAME} in namespace {namespace}"
        )
        control_plane.apply(RIGHTS.format(namespace))
        await until(lambda: published(control_plane, namespace) == content(authority))
        await until(lambda: publication.problem == "")


def test_the_command_of_the_page_prints_the_ca(control_plane: ControlPlane) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "webhook.md").read_text(encoding="utf-8")
    (line,) = [each for each in page.splitlines() if each.startswith("kubectl ") and "configmap" in each]
    control_plane.kubectl("create", "namespace", "k10-auditwatch-page")
    control_plane.kubectl(
        *("-n", "k10-auditwatch-page", "create", "configmap", "k10-auditwatch-webhook-ca"),
        f"--from-literal={capublication.KEY}=pem",
    )
    command = line.removeprefix("kubectl ").partition(" > ")[0].replace("'", "")

    said = control_plane.kubectl(*command.replace("k10-auditwatch get", "k10-auditwatch-page get").split())

    assert said == "pem"
