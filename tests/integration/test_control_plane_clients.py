"""The libraries that the operator stands on work against the test cluster."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from kubernetes import aio

from tests.cluster.controlplane import ControlPlane
from tests.cluster.waiting import eventually

CRD = json.dumps(
    {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "greetings.test.example.com"},
        "spec": {
            "group": "test.example.com",
            "names": {"kind": "Greeting", "plural": "greetings", "singular": "greeting"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {
                                    "type": "object",
                                    "properties": {"to": {"type": "string"}},
                                    "x-kubernetes-validations": [
                                        {"rule": "self.to != 'nobody'", "message": "greet somebody"}
                                    ],
                                },
                                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                            },
                        }
                    },
                }
            ],
        },
    }
)
KOPF_OPERATOR = """\
import kopf

@kopf.on.create("test.example.com", "v1", "greetings")
def greet(spec, patch, **_):
    patch.status["said"] = f"hello {spec['to']}"
"""


def _greeting(name: str, to: str) -> str:
    return json.dumps(
        {"apiVersion": "test.example.com/v1", "kind": "Greeting", "metadata": {"name": name}, "spec": {"to": to}}
    )


async def test_the_asynchronous_client_lists_and_watches(control_plane: ControlPlane) -> None:
    await aio.config.load_kube_config(config_file=str(control_plane.kubeconfig()))
    async with aio.client.ApiClient() as client:
        core = aio.client.CoreV1Api(client)
        listed = await core.list_namespace()
        assert "kube-system" in {namespace.metadata.name for namespace in listed.items}

        async with asyncio.timeout(60):
            watch = aio.watch.Watch()
            await core.create_namespace({"metadata": {"name": "watched"}})
            version = listed.metadata.resource_version
            async for event in watch.stream(core.list_namespace, resource_version=version):
                if event["type"] == "ADDED" and event["object"].metadata.name == "watched":
                    break
            await watch.close()


def test_kopf_reconciles(control_plane: ControlPlane, tmp_path: Path) -> None:
    control_plane.apply(CRD)
    control_plane.established("greetings.test.example.com")
    (tmp_path / "greeter.py").write_text(KOPF_OPERATOR)
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace=default", str(tmp_path / "greeter.py")],
            env={"KUBECONFIG": str(control_plane.kubeconfig()), "HOME": str(tmp_path)},
            stdout=output,
            stderr=output,
        ) as operator,
    ):
        try:
            control_plane.apply(_greeting("first", "you"))
            eventually(
                lambda: "hello you" in control_plane.kubectl("get", "greetings", "first", "--output=jsonpath={.status}")
            )
        finally:
            operator.terminate()
