"""Each switch of the chart gives what it needs: every right is used, and nothing is refused but what must be.

The default form, and the webhook with the agent, are in test_installed.py. `make e2e`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.certificates import Authority
from tests.cluster.errors import KubectlError
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
    assert proven.told(rights.refused(bare.asked(), given)) == proven.told(unbound(given))


def test_an_api_server_that_posts_with_a_token_takes_the_right_to_review_it_and_none_to_publish(
    posted: Release,
) -> None:
    attacks.pause(posted, "e2e-posted")
    attacks.found_once(posted, "e2e-posted")
    proven.repeat(posted, "e2e-posted")

    given = assert_only_the_canary_is_refused(posted, but=for_the_doctor(posted))
    writes = {each.resource for each in given if each.verb in ("create", "update")}
    assert writes == {"auditwatches", "k10securityfindings", "events", "leases", "tokenreviews"}

    with suppress(KubectlError):  # it is refused what only a person may read, and says so
        posted.exec("python3", "-m", "auditwatch", "doctor")
    assert_all_rights_are_used(posted)


def test_each_of_two_k10s_is_read_and_proven_and_the_ca_is_published_where_the_agents_are(many: Release) -> None:
    attacks.pause(many, "e2e-many")
    attacks.found_once(many, "e2e-many")
    proven.repeat(many, "e2e-many")

    other = replace(proven.REFUSED_CANARY, group=f"config.{DOMAIN}", namespace=SECOND)
    assert_only_the_canary_is_refused(
        many, NAMESPACE, forms.AGENTS, canaries=(proven.REFUSED_CANARY, other), but=crossed(many)
    )


def for_the_doctor(release: Release) -> list[rights.Grant]:
    """With which K10 is found: where it is named, nobody asks but the doctor in the pod, which looks for itself."""
    given = rights.grants(release.manifests(), ACCOUNT)
    return [each for each in given if (each.namespace, each.verb, each.resource) == ("", "list", "deployments")]


def crossed(release: Release) -> list[rights.Grant]:
    """One role names the groups of all K10s and is bound where each is: one K10's canary in the other's namespace."""
    domains = {"kasten-io": "kio.kasten.io", SECOND: DOMAIN}
    given = rights.grants(release.manifests(), ACCOUNT)
    return [each for each in given if each.name and not each.group.endswith(domains.get(each.namespace, each.group))]


def unbound(given: set[rights.Grant]) -> list[rights.Asked]:
    """What is asked of the multi-cluster namespace too, and refused until the installer says that there is one."""
    kinds = {(each.group, each.resource) for each in given if each.role.endswith("-reader-of-k10")}
    return sorted(first_refused(group, resource, given) for group, resource in kinds)


def first_refused(group: str, resource: str, given: set[rights.Grant]) -> rights.Asked:
    """There: a list, or the watch after it where all of the cluster may be listed."""
    course = [rights.Asked(verb, group, resource, MULTICLUSTER, "", is_refused=True) for verb in ("list", "watch")]
    return next(asked for asked in course if not any(grant.allows(asked) for grant in given))


def make_serving(release: Release, authority: Authority) -> None:
    """The certificate in a Secret."""
    pair = authority.issue("k10-auditwatch", hosts=["k10-auditwatch"])
    directory = release.node.directory / "serving"
    directory.mkdir(exist_ok=True)
    pair.write(directory, "tls")
    files = (f"--cert={directory / 'tls.crt'}", f"--key={directory / 'tls.key'}")
    release.node.kubectl("create", "secret", "tls", forms.SERVING, "-n", NAMESPACE, *files)
