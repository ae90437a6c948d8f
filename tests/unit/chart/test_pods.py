"""How the rendered pods run: restricted everywhere, but for the agent, which says why in its namespace's label."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.chart.rendering import CASES, RELEASE, Object, objects, pods, the

ALLOWED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
AGENT = "agent: {enabled: true}"
OPENSHIFT = ("security.openshift.io/v1",)


@pytest.fixture(params=CASES, ids=lambda path: path.stem)
def values(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text()


def containers(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def is_agent(name: str) -> bool:
    return name.endswith("-agent")


def test_every_pod_but_the_agents_is_as_restricted_as_pod_security_asks(values: str) -> None:
    for name, pod in pods(values):
        if is_agent(name):
            continue
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all(ALLOWED_VOLUMES & volume.keys() for volume in pod.get("volumes", []))
        for container in containers(pod):
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_no_container_may_gain_rights_or_write_to_its_image(values: str) -> None:
    for _, pod in pods(values):
        for container in containers(pod):
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert {"requests", "limits"} <= container["resources"].keys()


def test_no_pod_but_the_agents_names_a_user_so_that_openshift_may(values: str) -> None:
    for name, pod in pods(values):
        contexts = [pod["securityContext"], *(each["securityContext"] for each in containers(pod))]
        assert is_agent(name) or not any("runAsUser" in context for context in contexts)


def test_only_the_operators_pod_gets_a_token_for_the_api_server(values: str) -> None:
    with_token = [name for name, pod in pods(values) if pod.get("automountServiceAccountToken") is not False]

    assert with_token == [each["metadata"]["name"] for each in objects(values, "Deployment")]


def test_openshift_is_left_to_choose_the_group_of_the_volume() -> None:
    [deployment] = objects("", "Deployment", apis=OPENSHIFT)

    assert "fsGroup" not in deployment["spec"]["template"]["spec"]["securityContext"]
    assert the("", "Deployment")["spec"]["template"]["spec"]["securityContext"]["fsGroup"] == 65532


def test_on_openshift_the_agent_brings_the_constraints_it_runs_under_for_its_own_account_only() -> None:
    [constraints] = objects(AGENT, "SecurityContextConstraints", apis=OPENSHIFT)

    assert constraints["users"] == ["system:serviceaccount:k10-auditwatch-agent:k10-auditwatch-agent"]
    assert constraints["allowPrivilegedContainer"] is False
    assert objects(AGENT, "SecurityContextConstraints") == []


def test_there_is_one_operator_and_the_old_one_ends_before_the_new_one_begins() -> None:
    spec = the("", "Deployment")["spec"]

    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 30


def test_ready_is_asked_of_readyz_and_alive_of_healthz() -> None:
    [container] = the("", "Deployment")["spec"]["template"]["spec"]["containers"]

    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["startupProbe"]["httpGet"] == container["livenessProbe"]["httpGet"]


def test_another_configuration_makes_another_pod_and_the_same_one_does_not() -> None:
    def checksum(values: str) -> str:
        return str(the(values, "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/configuration"])

    assert checksum("clusterName: a") != checksum("clusterName: b")
    assert checksum("verbose: true") == checksum("")


def test_the_journal_is_on_a_claim_that_stays_unless_somebody_says_otherwise() -> None:
    claim = the("", "PersistentVolumeClaim")

    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "storageClassName" not in claim["spec"]
    assert "annotations" not in the("persistence: {keep: false}", "PersistentVolumeClaim")["metadata"]


@pytest.mark.parametrize(
    ("values", "volume"),
    [
        ("", {"persistentVolumeClaim": {"claimName": RELEASE}}),
        ("persistence: {existingClaim: mine}", {"persistentVolumeClaim": {"claimName": "mine"}}),
        ("persistence: {enabled: false, size: 1Gi}", {"emptyDir": {"sizeLimit": "1Gi"}}),
    ],
)
def test_the_journal_is_where_the_values_say(values: str, volume: Object) -> None:
    volumes = the(values, "Deployment")["spec"]["template"]["spec"]["volumes"]

    assert {"name": "journal", **volume} in volumes
    assert len(objects(values, "PersistentVolumeClaim")) == (
        1 if volume.get("persistentVolumeClaim") and not values else 0
    )


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ("", "k10-auditwatch:0.1.0"),
        ("image: {registry: r.example.com, tag: v2}", "r.example.com/k10-auditwatch:v2"),
        (f"image: {{repository: a/b, tag: v2, digest: 'sha256:{'0' * 64}'}}", f"a/b@sha256:{'0' * 64}"),
    ],
)
def test_the_image_is_named_by_tag_or_by_digest_with_a_registry_only_where_one_is_given(
    values: str, image: str
) -> None:
    assert [each["image"] for _, pod in pods(values) for each in pod["containers"]] == [image, image]
