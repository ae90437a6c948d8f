"""How a platform is told from its nodes, its versions and its API groups."""

from __future__ import annotations

from typing import get_args

import pytest

from auditwatch.cli.webhook_config import PlatformName
from auditwatch.doctor.facts import Platform, Unread
from auditwatch.doctor.platforms import WAYS, Name, flags_of, name_of
from tests.unit.doctor.making import api_server, node


@pytest.mark.parametrize(
    ("platform", "version", "name"),
    [
        (Platform(nodes=[node(version="v1.36.1+k3s1", provider="k3s://a")]), "v1.36.1+k3s1", "k3s"),
        (Platform(nodes=[node(version="v1.36.1+k3s1", name="k3d-test-server-0")]), "v1.36.1+k3s1", "k3d"),
        (Platform(nodes=[node(version="v1.36.1+rke2r1")]), "v1.36.1+rke2r1", "RKE2"),
        (
            Platform(nodes=[node(provider="kind://docker/kind/kind-control-plane")], api_servers=[api_server()]),
            "",
            "kind",
        ),
        (Platform(nodes=[node(labels={"eks.amazonaws.com/nodegroup": "a"}, provider="aws:///a/i-1")]), "", "EKS"),
        (Platform(nodes=Unread("no")), "v1.36.2-eks-1a2b3c4", "EKS"),
        (Platform(nodes=[node(labels={"cloud.google.com/gke-nodepool": "a"}, provider="gce://p/z/n")]), "", "GKE"),
        (Platform(nodes=Unread("no")), "v1.36.2-gke.1200", "GKE"),
        (Platform(nodes=[node(labels={"kubernetes.azure.com/cluster": "a"}, provider="azure:///a")]), "", "AKS"),
        (Platform(nodes=[node(labels={"node.openshift.io/os_id": "rhcos"})]), "v1.36.2", "OpenShift"),
        (Platform(nodes=Unread("no"), groups=frozenset({"config.openshift.io"})), "v1.36.2", "OpenShift"),
        (Platform(nodes=[node()], api_servers=[api_server()]), "v1.37.2", "kubeadm"),
        (Platform(nodes=[node(provider="aws:///a/i-1")]), "v1.37.2", "unknown"),
        (Platform(nodes=[node()], api_servers=Unread("no"), groups=Unread("no")), "v1.37.2", "unknown"),
        (Platform(), "", "unknown"),
    ],
)
def test_a_platform_is_told_by_its_marks(platform: Platform, version: str, name: str) -> None:
    assert name_of(platform, version=version) == name


def test_only_audit_flags_of_the_api_server_are_read() -> None:
    platform = Platform(
        api_servers=[api_server("--audit-log-path=/a=b.log", "--audit-policy-file", "--etcd-servers=x")]
    )

    assert flags_of(platform) == {"audit-log-path": "/a=b.log"}
    assert flags_of(Platform(api_servers=Unread("no"))) == {}


def test_every_platform_has_its_way_and_the_webhooks_are_ones_there_are_words_for() -> None:
    assert set(WAYS) == set(get_args(Name)) - {"unknown"}
    assert {way.config for way in WAYS.values() if way.config} == {each.value for each in PlatformName}
    assert all(way.log.startswith("/") for way in WAYS.values() if way.by != "none")
