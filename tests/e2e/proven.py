"""That an installation needs the rights it is given and no others: asked of its API server's own audit log."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from tests.e2e import attacks, connecting, rights, second_k10
from tests.e2e.release import ACCOUNT, NAMESPACE, Release
from tests.live import policies, telling

REFUSED_CANARY: Final = rights.Asked(
    "delete", "config.kio.kasten.io", "policies", "kasten-io", "k10-auditwatch-canary", True
)
"""Proof that the audit policy does not lose what was refused."""
RIGHTS_SECONDS: Final = 120.0
K10_GROUPS: Final = ("kio.kasten.io", second_k10.DOMAIN, "kanister.io", "apps")
K10_NAMESPACES: Final = ("kasten-io", "kasten-io-mc", second_k10.NAMESPACE)


def assert_only_the_canary_is_refused(
    release: Release,
    *publishing: str,
    canaries: Sequence[rights.Asked] = (REFUSED_CANARY,),
    but: Iterable[rights.Grant] = (),
) -> set[rights.Grant]:
    """Spoilt CAs are mended by the next start, and all rights are used then, ``but`` these; what is given.

    ``publishing``: namespaces.
    """
    for namespace in publishing:
        spoil_authority(release, namespace)
    release.kill()
    for namespace in publishing:
        release.until(partial(is_mended, release, namespace), what=f"the CA to be mended in {namespace}")
    given = assert_all_rights_are_used(release, but=but)
    assert rights.refused(release.asked(), given) == sorted(canaries)
    return given


def assert_all_rights_are_used(release: Release, *, but: Iterable[rights.Grant] = ()) -> set[rights.Grant]:
    """All that the chart gives has been asked for, now or within moments; what it gives. ``but``: these have not."""
    given = rights.grants(release.manifests(), ACCOUNT)
    expected, deadline = sorted(but), time.monotonic() + RIGHTS_SECONDS
    while (left := rights.unused(given, release.asked())) != expected and time.monotonic() < deadline:
        time.sleep(1)
    assert told(left) == told(expected), f"unused: {told(left)}"
    assert_reads_only(given)
    return given


def assert_reads_only(given: set[rights.Grant]) -> None:
    """No write on anything of K10's, and no Secret in any way."""
    writes = {each for each in given if each.verb not in ("get", "list", "watch")}
    assert [str(each) for each in writes if each.group.endswith(K10_GROUPS)] == []
    assert [str(each) for each in writes if each.namespace in K10_NAMESPACES] == []
    assert [
        str(each) for each in given if each.resource.startswith("secrets") or "*" in (each.resource, each.verb)
    ] == []


def repeat(release: Release, name: str) -> None:
    """The same act again, after somebody has relabelled its finding: the label comes back, and the Event counts on."""
    finding = attacks.found(release, name)["metadata"]["name"]
    label = "k10auditwatch.io/severity"
    release.node.kubectl("label", "k10securityfinding", finding, "-n", NAMESPACE, "--overwrite", f"{label}=Info")
    unpause = json.dumps({"spec": {"paused": False}})
    release.node.kubectl("patch", policies.RESOURCE, name, "-n", attacks.K10, "--type=merge", "-p", unpause)
    policies.pause(release.node, name)
    release.until(lambda: attacks.found(release, name)["status"]["count"] > 1, what="the second pause to be counted")
    release.until(lambda: attacks.found(release, name)["metadata"]["labels"][label] == "High", what="the label")


def spoil_authority(release: Release, namespace: str) -> None:
    """Somebody empties the ConfigMap in which senders find the CA."""
    patch = json.dumps({"data": {"ca.crt": "spoilt"}})
    release.node.kubectl("patch", "configmap", telling.AUTHORITY, "-n", namespace, "--type=merge", "-p", patch)


def is_mended(release: Release, namespace: str) -> bool:
    """Whether senders find the CA there."""
    return "BEGIN CERTIFICATE" in connecting.published(release, namespace)


def told(entries: Iterable[rights.Grant] | Iterable[rights.Asked]) -> list[str]:
    """For people."""
    return [str(each) for each in entries]
