"""What the doctor makes of what was found: one thing wrong at a time in an installation that is well."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from auditwatch.api.conditions import ConditionType, Reason
from auditwatch.api.crd import GROUP, KINDS
from auditwatch.cluster.access import Permission
from auditwatch.doctor.examining import examine
from auditwatch.doctor.facts import Facts, Platform, Rights, Server, Stream, Unread
from auditwatch.doctor.installed import Configured
from auditwatch.doctor.lines import Line, exit_code
from auditwatch.doctor.rights import MULTICLUSTER, needed
from auditwatch.k10.identity import K10Instance
from tests.unit.doctor.making import (
    NAMESPACE,
    NOW,
    aggregated_apis,
    api_server,
    by_helm,
    configuration,
    deployment,
    established,
    facts,
    found,
    node,
    operator,
    service,
    watch,
)

PAGES = Path(__file__).parents[3]
PAGE = (PAGES / "docs" / "how-to" / "troubleshoot.md").read_text(encoding="utf-8")
REFUSED = Unread("not permitted: get things")


def told(check: str, of: Facts) -> Line:
    """The first line of a check that is not ok, else the first."""
    lines = [line for line in examine(of) if line.check == check]
    return next((line for line in lines if line.state != "ok"), lines[0])


def without_arguments() -> dict[str, Any]:
    held = aggregated_apis()
    for container in held["spec"]["template"]["spec"]["containers"]:
        container["args"] = ["--secure-port=10250"]
    return held


def condition(kind: str, status: str) -> list[dict[str, str]]:
    return [{"type": kind, "status": status, "reason": "Because", "message": "do this"}]


def test_where_all_is_well_every_line_says_so_and_none_asks_for_anything() -> None:
    lines = examine(facts())

    assert [line for line in lines if line.state != "ok" or line.command] == []
    assert exit_code(lines) == 0
    assert [line.check for line in lines] == [
        *("api-server", "clock", "crds", "crds", "operator", "lease", "k10", "k10-version", "k10-stream", "platform"),
        *("audit-log", "permissions", "journal", "auditwatch", "source", "rules", "webhook", "webhook-ca", "agent"),
    ]


def test_of_a_cluster_that_does_not_answer_nothing_else_is_said() -> None:
    (line,) = examine(facts(server=Unread("refused")))

    assert (line.check, line.state, line.command) == ("api-server", "problem", "kubectl cluster-info")


@pytest.mark.parametrize(
    ("skew", "state"),
    [(0.0, "ok"), (-5.9, "ok"), (6.1, "warning"), (-60.9, "warning"), (61.1, "problem"), (-62, "problem")],
)
def test_a_skew_counts_from_what_the_joiner_bears(skew: float, state: str) -> None:
    line = told("clock", facts(server=Server(version="v1", date=NOW, asked=NOW + skew)))

    assert line.state == state
    assert state == "ok" or ("ahead" in line.message) == (skew > 0)


def test_a_server_without_a_clock_leaves_it_open() -> None:
    assert told("clock", facts(server=Server(version="v1"))).state == "unknown"


@pytest.mark.parametrize(
    ("held", "state", "said"),
    [
        (None, "problem", "is not installed"),
        (REFUSED, "unknown", "not permitted"),
        ({**established(KINDS[0]), "status": {}}, "problem", "is not established"),
        ({**established(KINDS[1]), "metadata": {}}, "warning", "of another version"),
    ],
)
def test_a_definition_is_there_established_and_of_this_version(held: Any, state: str, said: str) -> None:
    name = f"{KINDS[0].plural}.{GROUP}"
    line = told("crds", facts(definitions={**facts().definitions, name: held}))

    assert line.state == state
    assert said in line.message
    assert line.command


@pytest.mark.parametrize(
    ("check", "change", "state", "said", "command"),
    [
        ("operator", {"deployments": []}, "problem", "no Deployment", "helm install"),
        ("operator", {"deployments": [], "elsewhere": ["b"]}, "problem", "but in b", "auditwatch doctor --namespace b"),
        ("operator", {"deployments": [deployment(replicas=0)]}, "problem", "scaled to zero", "scale deployment"),
        ("operator", {"deployments": [{**deployment(), "status": {}}]}, "problem", "no ready pod", "logs deployment/"),
        ("operator", {"deployments": REFUSED}, "unknown", "not permitted", "get deployments"),
        ("lease", {"lease": None}, "problem", "nobody holds", "logs deployment/k10-auditwatch"),
        ("lease", {"lease": {"spec": {"holderIdentity": "", "renewTime": None}}}, "problem", "nobody holds", "logs"),
        ("lease", {"lease": REFUSED}, "unknown", "not permitted", "get lease k10-auditwatch"),
        ("journal", {"claims": {"journal": {"status": {"phase": "Pending"}}}}, "problem", "is Pending", "describe"),
        ("journal", {"claims": {"journal": None}}, "problem", "is not there", "describe"),
        ("journal", {"claims": {"journal": REFUSED}}, "unknown", "not permitted", "describe"),
        ("webhook", {"services": []}, "problem", "no Service", "endpointslices"),
        ("webhook", {"services": [service("metrics", "probes")]}, "problem", "no Service", "endpointslices"),
        ("webhook", {"services": [service("b", 8443, {"app": "b"})]}, "problem", "no Service", "endpointslices"),
        ("webhook", {"slices": []}, "problem", "leads to no ready pod", "endpointslices"),
        ("webhook", {"slices": REFUSED}, "unknown", "not permitted", "endpointslices"),
        ("webhook-ca", {"authorities": {"a/ca": None}}, "problem", "does not hold the CA", "--namespace a"),
        (
            "webhook-ca",
            {"authorities": {"a/ca": {"data": {"ca.crt": "?"}}}},
            "problem",
            "does not hold",
            "configmap ca",
        ),
        ("webhook-ca", {"authorities": {"a/ca": REFUSED}}, "unknown", "not permitted", "configmap ca"),
    ],
)
def test_what_is_wrong_with_the_operator_is_told_with_a_command(
    check: str, change: dict[str, Any], state: str, said: str, command: str
) -> None:
    line = told(check, facts(operator=operator(**change)))

    assert line.state == state
    assert said in line.message
    assert command in line.command


@pytest.mark.parametrize(("wanted", "ready", "said"), [(0, 0, "fits no node"), (3, 2, "ready on 2 of 3 nodes")])
def test_an_agent_runs_on_every_node_it_should(wanted: int, ready: int, said: str) -> None:
    status = {"desiredNumberScheduled": wanted, "numberReady": ready}
    held = [{"metadata": {"namespace": "agents", "name": "agent"}, "status": status}]
    line = told("agent", facts(operator=operator(agents=held)))

    assert (line.state, said in line.message) == ("problem", True)
    assert line.command == "kubectl --namespace agents rollout status daemonset/agent --timeout 60s"


def test_a_lease_that_is_not_renewed_is_told_by_the_servers_clock() -> None:
    line = told("lease", facts(server=Server(version="v1", date=NOW + 300, asked=NOW)))

    assert (line.state, line.message) == ("problem", "auditwatch-1 has not renewed the Lease for 305 s")


def test_a_journal_in_the_pod_is_a_warning() -> None:
    held = deployment()
    held["spec"]["template"]["spec"]["volumes"] = [{"name": "journal", "emptyDir": {}}]
    line = told("journal", facts(operator=operator(deployments=[held])))
    of_helm = told("journal", facts(operator=operator(deployments=[by_helm(template=held["spec"]["template"])])))

    assert (line.state, line.command) == ("warning", "kubectl apply --kustomize manifests")
    assert of_helm.command == (
        "helm upgrade sentinel charts/k10-auditwatch --namespace k10-auditwatch --reuse-values "
        "--set persistence.enabled=true"
    )


def test_without_a_webhook_nothing_is_asked_of_it() -> None:
    lines = examine(facts(operator=operator(configuration={"sources": [{"type": "State"}]}, authorities={})))

    assert [line for line in lines if line.check.startswith("webhook")] == []


@pytest.mark.parametrize(
    ("change", "state", "said"),
    [
        ({"stream": Stream(pods=1, lines=9)}, "warning", "no event in the last 9 lines"),
        ({"stream": Stream(pods=1, lines=9), "deployment": without_arguments()}, "problem", "without audit flags"),
        ({"stream": Stream()}, "problem", "no pod of aggregatedapis-svc runs"),
        ({"stream": REFUSED}, "unknown", "not permitted"),
        ({"stream": REFUSED, "deployment": without_arguments()}, "problem", "off: "),
        ({"deployment": without_arguments()}, "ok", "on: 1 event in the last "),
        ({"audit_configs": [{}, {}]}, "ok", "2 AuditConfigs ship it"),
    ],
)
def test_the_stream_is_on_off_or_silent(change: dict[str, Any], state: str, said: str) -> None:
    line = told("k10-stream", facts(k10s=[found(**change)]))

    assert line.state == state
    assert said in line.message
    assert bool(line.command) == (state != "ok")


def test_without_k10_or_the_right_to_look_that_is_said() -> None:
    assert told("k10", facts(k10s=[])).state == "problem"
    assert told("k10", facts(k10s=REFUSED)).state == "unknown"


def test_a_version_nobody_tells_is_unknown() -> None:
    held = aggregated_apis()
    for container in held["spec"]["template"]["spec"]["containers"]:
        container["image"] = "mirror.example/k10/aggregatedapis@sha256:0f"
    assert told("k10-version", facts(k10s=[found(deployment=held)])).state == "unknown"


@pytest.mark.parametrize(("is_operator", "state"), [(True, "problem"), (False, "unknown")])
def test_a_missing_right_is_told_with_whose_it_is(is_operator: bool, state: str) -> None:  # noqa: FBT001 - a parameter
    gone = {"webhook": [Permission("create", "", "configmaps", f"n{number}") for number in range(5)]}
    line = told("permissions", facts(rights=Rights(account="mallory", is_operator=is_operator, asked=9, missing=gone)))

    assert line.state == state
    assert "create configmaps in namespace n2 and 2 more" in line.message
    assert ("mallory (you, not the operator) may not" in line.message) is not is_operator
    assert ("manifests/rbac-audit.yaml" in line.command) is is_operator


FIX = "helm upgrade sentinel charts/k10-auditwatch --namespace k10-auditwatch --reuse-values --set rbac.create=true"


@pytest.mark.parametrize(
    ("place", "more"),
    [
        (("kasten-io-mc", frozenset({"kasten-io-mc"})), ["k10s[0].namespace=kasten-io", "k10s[0].multicluster=true"]),
        (("kasten-io", frozenset()), ["k10s[0].namespace=kasten-io"]),
        (("k10-auditwatch", frozenset()), []),
    ],
)
def test_helm_is_told_where_k10_is_for_rights_in_its_namespaces(
    place: tuple[str, frozenset[str]], more: list[str]
) -> None:
    gone = {MULTICLUSTER: [Permission("list", "", "pods", place[0])]}
    rights = Rights(account="a", is_operator=True, asked=9, missing=gone)
    held = facts(rights=rights, multicluster=place[1], operator=operator(deployments=[by_helm()]))
    line = told("permissions", held)

    assert (line.state, line.command) == ("warning", FIX + "".join(f" --set '{each}'" for each in more))


def test_of_several_k10s_helm_is_not_told_where_they_are() -> None:
    gone = {"watched state": [Permission("list", "", "pods", "kasten-io")]}
    rights = Rights(account="a", is_operator=True, asked=9, missing=gone)
    held = facts(rights=rights, operator=operator(deployments=[by_helm()]), k10s=[found(), found()])

    assert (told("permissions", held).state, told("permissions", held).command) == ("problem", FIX)


def test_every_feature_says_where_its_rights_are_without_helm() -> None:
    everything = Configured(types=frozenset({"State", "K10Stream", "Webhook"}), default_watch="k10")
    for feature in needed(NAMESPACE, [K10Instance()], everything, ["kasten-io-mc"]):
        gone = {feature: [Permission("list", "", "pods", "kasten-io")]}
        held = facts(rights=Rights(account="a", is_operator=True, asked=9, missing=gone))

        file = told("permissions", held).command.removeprefix("kubectl apply --filename ")
        assert (PAGES / file).is_file()


def test_an_operator_without_helm_is_not_told_to_use_it_for_its_agents() -> None:
    platform = Platform(nodes=[node(version="v1.36.1+k3s1")])
    manifests = told("audit-log", facts(platform=platform, watches=[watch(sources=[])]))
    by = operator(deployments=[by_helm()])
    helm = told("audit-log", facts(platform=platform, watches=[watch(sources=[])], operator=by))

    assert manifests.command == "kubectl --namespace k10-auditwatch edit configmap settings"
    assert helm.command.startswith("helm upgrade sentinel charts/k10-auditwatch --namespace k10-auditwatch ")


def test_k10s_own_release_is_named_where_its_stream_is_switched_on() -> None:
    held = without_arguments()
    held["metadata"]["annotations"] = {"meta.helm.sh/release-name": "backup"}
    line = told("k10-stream", facts(k10s=[found(stream=Stream(pods=1, lines=9), deployment=held)]))

    assert line.command.startswith("helm upgrade backup kasten/k10 --namespace kasten-io ")


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        (Platform(nodes=[node(version="v1.36.1+k3s1")]), "edit configmap settings"),
        (Platform(nodes=[node(provider="kind://docker/a/b")]), "webhook-config --platform kind"),
        (Platform(api_servers=[api_server("--audit-log-path=/my audit.log")]), "edit configmap settings"),
        (Platform(api_servers=[api_server()]), "auditwatch policy render"),
        (Platform(nodes=[node(labels={"eks.amazonaws.com/nodegroup": "a"})]), ""),
        (Platform(nodes=[node()]), "auditwatch policy render"),
    ],
)
def test_an_audit_log_that_is_not_connected_is_told_with_the_way_of_the_platform(
    platform: Platform, command: str
) -> None:
    line = told("audit-log", facts(platform=platform, watches=[watch(sources=[])]))

    assert line.state == "warning"
    assert command in line.command
    assert bool(line.command) == bool(command)


def test_a_webhook_to_which_nobody_has_posted_is_not_connected_and_the_next_command_is_named() -> None:
    waits = {"name": "audit-webhook", "type": "Webhook", "state": "Starting", "reason": "WaitingForFirstSender"}
    line = told("audit-log", facts(watches=[watch(sources=[waits])]))

    assert (line.state, "audit-webhook listens, and nobody has posted yet" in line.message) == ("warning", True)
    assert line.command.startswith("auditwatch webhook-config")

    other = {"name": "audit-log", "type": "File", "state": "Live"}
    assert told("audit-log", facts(watches=[watch(sources=[waits, other])])).state == "ok"


@pytest.mark.parametrize(
    ("check", "status", "state"),
    [
        ("auditwatch", {"conditions": []}, "problem"),
        ("auditwatch", {"conditions": condition("Accepted", "False")}, "problem"),
        ("auditwatch", {"conditions": condition("SourcesAvailable", "Unknown")}, "warning"),
        ("auditwatch", {"conditions": condition("Durable", "False")}, "warning"),
        ("auditwatch", {"conditions": condition("Backlogged", "True")}, "warning"),
        ("auditwatch", {"conditions": condition("Backlogged", "False")}, "ok"),
        ("source", {"sources": [{"name": "s", "type": "State", "state": "Unavailable", "message": "why"}]}, "problem"),
        ("source", {"sources": [{"name": "s", "type": "State", "state": "Starting"}]}, "warning"),
        ("source", {"sources": [{"name": "s", "type": "State", "state": "Live", "lagSeconds": 121}]}, "warning"),
        ("rules", {"visibility": {"full": 1, "blind": 2}}, "warning"),
    ],
)
def test_what_a_watch_says_of_itself_is_weighed(check: str, status: dict[str, Any], state: str) -> None:
    line = told(check, facts(watches=[watch(**status)]))

    assert line.state == state
    assert bool(line.command) == (state != "ok")


def test_without_a_watch_nothing_is_looked_for() -> None:
    assert told("auditwatch", facts(watches=[])).state == "problem"
    assert (PAGES / told("auditwatch", facts(watches=[])).command.split()[-1]).exists()
    assert told("auditwatch", facts(watches=REFUSED)).state == "unknown"


@pytest.mark.parametrize(("watches", "state"), [([], "problem"), ([watch()], "warning")])
def test_a_default_watch_that_is_not_there_sends_to_the_log_of_who_was_to_make_it(
    watches: list[Any], state: str
) -> None:
    held = operator(configuration={**configuration(), "defaultWatch": {"name": "other"}}, deployments=[by_helm()])
    line = told("auditwatch", facts(operator=held, watches=watches))

    assert (line.state, "k10-auditwatch/other, the default one, is not there" in line.message) == (state, True)
    assert line.command.startswith("kubectl --namespace k10-auditwatch logs deployment/k10-auditwatch | grep")


def test_a_default_watch_that_is_there_is_a_watch_like_any() -> None:
    held = operator(configuration={**configuration("agents/ca"), "defaultWatch": {}})

    assert told("auditwatch", facts(operator=held)).state == "ok"


def test_every_line_has_its_place_on_the_page_of_troubles() -> None:
    part = PAGE.partition("## By line of the doctor")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", part, flags=re.MULTILINE)

    assert sorted(rows) == sorted({line.check for line in examine(facts())})


def test_every_reason_of_a_watch_is_on_the_page_of_troubles() -> None:
    of_findings = {Reason.TRIAGED, Reason.AWAITING_TRIAGE}

    assert [each for each in Reason if each not in of_findings and f"`{each}`" not in PAGE] == []
    assert ConditionType.READY in PAGE
