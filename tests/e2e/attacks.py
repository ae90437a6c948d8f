"""What an intruder does to a K10 on a node, and what must be found of it: once, with the right name."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.cluster.identities import INTRUDER
from tests.demo.intrusion import CONTENTS, PROFILES, Intruder, Prey, Step, session
from tests.e2e.release import Release
from tests.live import policies

K10: Final = policies.NAMESPACE
PROVEN: Final = frozenset({"Audited", "Correlated"})
APPLICATION, PROFILE = "billing", "offsite-immutable"
Finding = dict[str, Any]


def prepare(release: Release, name: str) -> str:
    """A policy of the test's own, which nobody has paused yet; its name."""
    return policies.make(release.node, name)


def pause(release: Release, name: str) -> str:
    """The intruder pauses it; its name. Made here where :func:`prepare` did not: an administrator writes it as well."""
    if not release.node.kubectl("get", policies.RESOURCE, name, "-n", K10, "--ignore-not-found"):
        prepare(release, name)
    policies.pause(release.node, name, identity=INTRUDER)
    return name


def found(release: Release, name: str) -> Finding:
    """The finding of that pause, whoever it was."""
    release.until(lambda: _counted(release.findings("policy-paused", name)), what=f"a finding about {name}")
    return release.findings("policy-paused", name)[0]


def found_once(release: Release, name: str) -> Finding:
    """The finding of that pause, once it is known who it was; it is the only one, and counts one."""
    release.until(
        lambda: _attributed(release.findings("policy-paused", name)), what=f"an attributed finding about {name}"
    )
    (finding,) = release.findings("policy-paused", name)
    assert finding["status"]["count"] == 1, finding["status"]
    assert actors(finding) == [INTRUDER.user]
    return finding


def whole_session(release: Release) -> tuple[Step, ...]:
    """Everything an intruder does before the ransom note; each step, in order. :func:`heal` afterwards."""
    steps = session(_prey(release))
    intruder = Intruder(release.node)
    for step in steps:
        intruder.run(step)
    return steps


def heal(release: Release) -> None:
    """What others who share this K10 need is as it was. Earlier, and two people might have done what one did."""
    patch = json.dumps({"spec": {"locationSpec": {"objectStore": {"protectionPeriod": "240h"}}}})
    release.node.kubectl("patch", PROFILES, PROFILE, "-n", K10, "--type=merge", "-p", patch)
    release.node.kubectl("scale", "deployment/catalog-svc", "-n", K10, "--replicas=1")


def seen(release: Release, step: Step) -> list[Finding]:
    """The findings of the rule that must notice the step and have been attributed to who did it."""
    return [
        each
        for each in release.findings(step.rule)
        if _attributed([each]) and step.actor in actors(each) and _is_about(each, step)
    ]


def actors(finding: Finding) -> list[str]:
    """Who is named."""
    return [each["id"] for each in finding["status"].get("actors", []) if each.get("id")]


def _is_about(finding: Finding, step: Step) -> bool:
    """Rules about one object are about the session's own where the step names it."""
    name = finding["spec"].get("target", {}).get("name", "")
    return not name.startswith("e2e-") or name in step.kubectl


def _counted(findings: list[Finding]) -> bool:
    return any(each.get("status", {}).get("count") for each in findings)


def _attributed(findings: list[Finding]) -> bool:
    return any(each.get("status", {}).get("attribution") in PROVEN for each in findings)


def _prey(release: Release) -> Prey:
    policy = policies.make(release.node, "e2e-session")
    selector = ("-l", f"k10.kasten.io/appNamespace={APPLICATION}")
    contents = _items(release, CONTENTS, *selector)
    names = tuple(each["metadata"]["name"] for each in contents[:5])
    return Prey(policy=policy, profile=PROFILE, contents=names)


def _items(release: Release, *arguments: str) -> list[dict[str, Any]]:
    return list(json.loads(release.node.kubectl("get", *arguments, "-o", "json"))["items"])
