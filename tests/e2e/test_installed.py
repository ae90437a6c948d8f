"""What a user installs, on a real node: the image by the chart, as it comes and then with the audit log connected."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.errors import KubectlError
from tests.e2e import attacks, proven, rights
from tests.e2e.proven import assert_all_rights_are_used, assert_only_the_canary_is_refused
from tests.e2e.release import AGENTS, NAMESPACE, Release
from tests.e2e.steps import Steps

OUTSIDE = frozenset({"platform", "rules"})
"""Checks that cannot be ok here: the node bears the mark of no known platform, and logs without bodies."""
BODILESS = ("k10-service-rerouted",)
"""Rules that need the body of a request of which this node was asked, and answered without bodies."""
INSIDE = frozenset({"journal", "webhook"})
"""In the pod it asks with the operator's own rights, which do not reach claims and Services."""
POSITION = "/var/lib/k10-auditwatch-agent/position"


def test_the_operator_is_ready_where_pod_security_allows_little(installed: Release) -> None:
    (pod,) = installed.pods()

    assert pod["status"]["containerStatuses"][0]["ready"]
    assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"]


def test_the_first_attack_after_the_installation_is_found(installed: Release, steps: Steps) -> None:
    attacks.pause(installed, "e2e-first")

    finding = attacks.found(installed, "e2e-first")

    assert finding["status"]["changes"], "old and new value are known without the audit log"
    steps.tell("helm install -> first true finding", time.monotonic() - installed.installed_at)


def test_every_right_of_the_default_installation_is_used_and_no_other_is_wanted(installed: Release) -> None:
    attacks.pause(installed, "e2e-counted")
    proven.repeat(installed, "e2e-counted")

    given = assert_all_rights_are_used(installed)
    assert proven.told(rights.refused(installed.asked(), given)) == []


@pytest.mark.e2e
def test_the_webhook_makes_the_api_servers_audit_log_live(webhooked: Release) -> None:
    assert webhooked.sources()["audit-webhook"] == "Live"


@pytest.mark.e2e
def test_with_the_webhook_the_intruder_is_named(webhooked: Release) -> None:
    attacks.pause(webhooked, "e2e-named")

    attacks.found_once(webhooked, "e2e-named")


@pytest.mark.e2e
def test_every_right_for_the_webhook_alone_is_used_and_only_the_canary_is_refused(webhooked: Release) -> None:
    assert_only_the_canary_is_refused(webhooked, NAMESPACE)


def test_the_agent_reads_a_log_that_only_root_may_read(connected: Release) -> None:
    assert connected.node.audit_log.stat().st_mode & 0o777 == 0o600
    namespace = json.loads(connected.node.kubectl("get", "namespace", AGENTS, "-o", "json"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    connected.until(lambda: position(connected), what="the agent's position")


def test_the_agent_goes_on_where_its_pod_was_deleted(connected: Release) -> None:
    connected.until(lambda: position(connected), what="the agent's position")
    connected.node.kubectl("delete", "pod", "-n", AGENTS, "--all")
    attacks.pause(connected, "e2e-agentless")
    connected.node.kubectl("rollout", "status", "daemonset", "-n", AGENTS, "--timeout=180s")

    attacks.found_once(connected, "e2e-agentless")
    log = connected.node.kubectl("logs", "-n", AGENTS, "--selector=app.kubernetes.io/name=k10-auditwatch-agent")
    assert "read again from" not in log


def test_what_an_intruder_does_is_found_once_though_three_sources_saw_it(connected: Release, steps: Steps) -> None:
    started = time.monotonic()
    session = attacks.whole_session(connected)

    for step in session:
        connected.until(partial(attacks.seen, connected, step), what=f"a finding of {step.rule}")
        assert len(attacks.seen(connected, step)) == 1, step.what
    attacks.heal(connected)
    steps.tell("a whole session of an intruder, found", time.monotonic() - started, connected.memory())


def test_every_right_for_the_audit_log_is_used_and_only_the_canary_is_refused(connected: Release) -> None:
    assert_only_the_canary_is_refused(connected, NAMESPACE, AGENTS)


def test_the_agents_account_may_do_nothing(connected: Release) -> None:
    name = f"system:serviceaccount:{AGENTS}:k10-auditwatch-agent"
    listed = connected.node.kubectl("auth", "can-i", "--list", "--as", name, "-n", AGENTS)
    everybody = connected.node.kubectl(
        "auth", "can-i", "--list", "--as", f"system:serviceaccount:{AGENTS}:nobody", "-n", AGENTS
    )

    assert sorted(listed.splitlines()) == sorted(everybody.splitlines())
    assert rights.grants(connected.manifests(), f"{AGENTS}/k10-auditwatch-agent") == set()


def test_the_agent_is_root_with_nothing_of_what_root_may_do(connected: Release) -> None:
    process = connected.process("agent")
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if ":\t" in line
    )

    assert process.uids().real == 0
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    with pytest.raises(KubectlError, match="Read-only file system"):
        connected.node.kubectl(
            "exec", "-n", AGENTS, "daemonset/k10-auditwatch-agent", "--", "python3", "-c", "open('/x', 'w')"
        )


def test_the_doctor_finds_nothing_wrong_from_outside(connected: Release) -> None:
    connected.until(
        lambda: not odd(doctor(connected), OUTSIDE), what=f"all to be well: {odd(doctor(connected), OUTSIDE)}"
    )

    assert {"agent", "webhook", "webhook-ca", "journal", "permissions"} <= {each["check"] for each in doctor(connected)}


def test_no_rule_is_blind_but_those_that_need_the_bodies_this_node_does_not_log(connected: Release) -> None:
    blind = {
        each["name"]: each["reason"] for each in connected.watch()["status"]["rules"] if each["visibility"] == "Blind"
    }

    assert blind == dict.fromkeys(BODILESS, "NeedsBodies")


def test_the_doctor_finds_nothing_wrong_in_the_pod(connected: Release) -> None:
    printed = connected.exec("python3", "-m", "auditwatch", "doctor", "--output", "json")
    lines = json.loads(printed)["checks"]

    assert odd(lines, OUTSIDE | INSIDE) == []
    assert {"lease", "crds"} <= {line["check"] for line in lines if line["state"] == "ok"}


def test_the_test_of_the_release_passes(connected: Release, steps: Steps) -> None:
    with steps.step("helm test", connected):
        assert "Phase:          Succeeded" in connected.test()


def doctor(release: Release) -> list[dict[str, str]]:
    """From a laptop, as an administrator. Fails where the doctor says that something does not work."""
    kubeconfig = ("--kubeconfig", str(release.node.kubeconfig()))
    argv = [sys.executable, "-m", "auditwatch", "doctor", "--namespace", NAMESPACE, *kubeconfig, "--output", "json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return list(json.loads(done.stdout)["checks"])


def odd(lines: list[dict[str, str]], known: frozenset[str]) -> list[dict[str, str]]:
    """Lines that are not ok, and not known to be otherwise here."""
    return [line for line in lines if line["state"] != "ok" and line["check"] not in known]


def position(release: Release) -> list[Any]:
    """The files of the last position the agent has saved. While it saves, only the one before has a name."""
    newest_first = f"cat {POSITION} 2>/dev/null || cat {POSITION}.previous 2>/dev/null || true"
    saved = release.node.inside("sh", "-c", newest_first)
    return list(json.loads(saved.split("\n", 1)[1])["files"]) if saved else []
