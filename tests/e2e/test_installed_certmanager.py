"""The serving certificate out of cert-manager's hands: by its own controllers, on a real node. `make e2e`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.node.node import Node
from tests.e2e import attacks, connecting, proven
from tests.e2e.certmanager import ISSUER, CertManager
from tests.e2e.release import NAMESPACE, Release, prepared
from tests.e2e.steps import Steps
from tests.k10.pods import K10InPods

pytestmark = pytest.mark.e2e
CERTIFICATE = "k10-auditwatch-webhook"
SECRET = f"{CERTIFICATE}-tls"
CERT_MANAGER = ("--set", f"webhook.tls.mode=certManager,webhook.tls.certManager.issuerRef.name={ISSUER}")
SHOW = "import ssl, sys; print(ssl.get_server_certificate((sys.argv[1], 8443)), end='')"
"""What a client is shown."""


@pytest.fixture(scope="module")
def release(node: Node, k10_in_pods: K10InPods, image_archive: Path) -> Iterator[Release]:
    """Nothing installed yet."""
    with prepared(node, k10_in_pods, image_archive) as made:
        yield made


@pytest.fixture(scope="module")
def certificates(node: Node) -> Iterator[CertManager]:
    """cert-manager, without which the chart refuses its mode."""
    with CertManager(node) as started:
        yield started


@pytest.fixture(scope="module")
def served(
    release: Release, certificates: CertManager, steps: Steps, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Release]:
    """Webhook and agent, which both trust the authority that cert-manager keeps."""
    authority = certificates.found_authority(NAMESPACE)
    file = tmp_path_factory.mktemp("authority") / "ca.crt"
    file.write_text(authority)
    connecting.make_senders(release)
    with steps.step("helm install --wait, with a certificate of cert-manager's", release):
        release.install(
            *connecting.WEBHOOK, *connecting.AGENT, *CERT_MANAGER, "--set-file", f"agent.serverCA.pem={file}"
        )
    connecting.tell(release, authority=authority, token=connecting.TOKEN)
    try:
        release.until(lambda: connecting.AGENT_POSTS in release.metrics(), what="the agent to post")
        release.until_live("audit-webhook")
        yield release
    finally:
        connecting.forget_apiserver(release)


def test_api_server_and_agent_post_to_a_certificate_of_cert_managers(
    served: Release, certificates: CertManager
) -> None:
    attacks.pause(served, "e2e-issued")

    attacks.found_once(served, "e2e-issued")

    assert shown(served) in certificates.secret(SECRET, NAMESPACE)["tls.crt"]


def test_a_renewed_certificate_is_served_without_a_restart(
    served: Release, certificates: CertManager, steps: Steps
) -> None:
    before, (pod,) = shown(served), served.pods()

    with steps.step("certificate renewed: shown to clients", served):
        certificates.renew(CERTIFICATE, NAMESPACE)
        served.until(lambda: shown(served) != before, what="the new certificate to be served")

    assert shown(served) in certificates.secret(SECRET, NAMESPACE)["tls.crt"]
    (still,) = served.pods()
    assert still["metadata"]["uid"] == pod["metadata"]["uid"]
    assert still["status"]["containerStatuses"][0]["restartCount"] == 0
    attacks.pause(served, "e2e-renewed")
    attacks.found_once(served, "e2e-renewed")


def test_the_operator_may_not_publish_what_it_did_not_make(served: Release) -> None:
    proven.repeat(served, "e2e-issued")

    given = proven.assert_only_the_canary_is_refused(served)

    writes = {each.resource for each in given if each.verb in ("create", "update", "patch")}
    assert "auditwatches" in writes
    assert not {"configmaps", "secrets"} & writes


def shown(release: Release) -> str:
    """The certificate that the listener's address serves, PEM."""
    return release.node.inside(sys.executable, "-c", SHOW, connecting.ADDRESS)
