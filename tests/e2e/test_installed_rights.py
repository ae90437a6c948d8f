"""Each switch of the chart gives what it needs: every right is used, and nothing is refused but what must be.

The default form, and the webhook with the agent, are in test_installed.py. `make e2e`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.certificates import Authority
from tests.cluster.node.node import Node
from tests.e2e import attacks, connecting, forms, proven, rights
from tests.e2e.proven import assert_all_rights_are_used, assert_only_the_canary_is_refused
from tests.e2e.release import ACCOUNT, NAMESPACE, Release, prepared
from tests.e2e.second_k10 import DOMAIN, SecondK10
from tests.e2e.second_k10 import NAMESPACE as SECOND
from tests.e2e.steps import Steps
from tests.k10.pods import K10InPods

pytestmark = pytest.mark.e2e
MULTICLUSTER = "kasten-io-mc"
WATCH = {
    "apiVersion": "k10auditwatch.io/v1alpha1",
    "kind": "AuditWatch",
    "metadata": {"name": "k10", "namespace": NAMESPACE},
    "spec": {"packs": [{"name": "k10-baseline"}]},
}


@pytest.fixture
def release(node: Node, k10_in_pods: K10InPods, image_archive: Path) -> Iterator[Release]:
    """Nothing installed yet, for each test anew: what is made once is made in each form."""
    with prepared(node, k10_in_pods, image_archive) as made:
        yield made


@pytest.fixture
def bare(release: Release, steps: Steps) -> Release:
    """Watched state alone; the AuditWatch is a person's."""
    with steps.step("helm install, watched state alone", release):
        release.install(*forms.arguments(forms.BARE))
    release.node.apply([WATCH])
    return release


@pytest.fixture
def posted(release: Release, steps: Steps) -> Iterator[Release]:
    """The API server posts with a token of its service account."""
    authority = Authority.create("e2e", now=dt.datetime.now(dt.UTC))
    make_serving(release, authority)
    release.node.kubectl("create", "serviceaccount", forms.SENDER, "-n", NAMESPACE)
    release.watch_name = forms.POSTED["auditWatch.name"]
    with steps.step("helm install, posted with a service account's token", release):
        release.install(*forms.arguments(forms.POSTED))
        token = release.node.kubectl("create", "token", forms.SENDER, "-n", NAMESPACE, "--audience=k10-auditwatch")
        connecting.tell(release, authority=authority.pair.certificate_pem.decode(), token=token.strip())
        release.until_live("audit-webhook")
    try:
        yield release
    finally:
        connecting.forget_apiserver(release)


@pytest.fixture
def many(release: Release, node: Node, steps: Steps) -> Iterator[Release]:
    """Two K10s, and the agent alone."""
    second = SecondK10(node)
    try:
        with steps.step("a second K10", release):
            second.start()
        with steps.step("helm install, two K10s and the agent alone", release):
            release.install(*forms.arguments(forms.MANY))
            release.until(lambda: connecting.AGENT_POSTS in release.metrics(), what="the agent to post")
            release.until_live("audit-webhook")
        yield release
    finally:
        second.remove()


def test_watched_state_alone_needs_no_more_than_it_is_given(bare: Release) -> None:
    attacks.pause(bare, "e2e-bare")
    proven.repeat(bare, "e2e-bare")

    given = assert_all_rights_are_used(bare)
    assert rights.refused(bare.asked(), given) == []
    bare.until(lambda: unseen(bare), what="the AuditWatch to say that nothing is seen of the multi-cluster objects")


def test_an_api_server_that_posts_with_a_token_takes_the_right_to_review_it_and_none_to_publish(
    posted: Release,
) -> None:
    attacks.pause(posted, "e2e-posted")
    attacks.found_once(posted, "e2e-posted")
    proven.repeat(posted, "e2e-posted")

    given = assert_only_the_canary_is_refused(posted, but=for_the_doctor(posted))
    writes = {each.resource for each in given if each.verb in ("create", "update")}
    assert writes == {"auditwatches", "k10securityfindings", "events", "leases", "tokenreviews"}

    assert "in namespace kasten-io, account system:serviceaccount:kasten-io:k10-k10" in doctors_words(posted)
    assert_all_rights_are_used(posted)


def test_each_of_two_k10s_is_read_and_proven_and_the_ca_is_published_where_the_agents_are(many: Release) -> None:
    attacks.pause(many, "e2e-many")
    attacks.found_once(many, "e2e-many")
    proven.repeat(many, "e2e-many")

    other = replace(proven.REFUSED_CANARY, group=f"config.{DOMAIN}", namespace=SECOND)
    assert_only_the_canary_is_refused(many, NAMESPACE, forms.AGENTS, canaries=(proven.REFUSED_CANARY, other))


def for_the_doctor(release: Release) -> list[rights.Grant]:
    """Where K10 is named nobody looks for Deployments but the doctor in the pod, and for the operator's own alone."""
    given = rights.grants(release.manifests(), ACCOUNT)
    return [each for each in given if (each.namespace, each.resource) == (NAMESPACE, "deployments")]


def doctors_words(release: Release) -> str:
    """What it says in the pod, where it is refused what only a person may read, and so ends with an error."""
    run = "import subprocess, sys; print(subprocess.run([sys.executable, '-m', 'auditwatch', 'doctor'],"
    return release.exec("python3", "-c", f"{run} capture_output=True, text=True).stdout)")


def unseen(release: Release) -> bool:
    """Whether the AuditWatch says which namespace is not seen, and which value of the chart opens it."""
    watch = release.node.kubectl("get", "auditwatch", "k10", "-n", NAMESPACE, "-o", "yaml")
    return MULTICLUSTER in watch and "multicluster: true" in watch


def make_serving(release: Release, authority: Authority) -> None:
    """The certificate in a Secret."""
    pair = authority.issue("k10-auditwatch", hosts=["k10-auditwatch"])
    directory = release.node.directory / "serving"
    directory.mkdir(exist_ok=True)
    pair.write(directory, "tls")
    files = (f"--cert={directory / 'tls.crt'}", f"--key={directory / 'tls.key'}")
    release.node.kubectl("create", "secret", "tls", forms.SERVING, "-n", NAMESPACE, *files)
