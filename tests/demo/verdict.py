"""What the demo is measured by: every step found, by the right name, and each once however many sources saw it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tests.demo.intrusion import Step

Finding = dict[str, Any]
PROVEN = frozenset({"Audited", "Correlated"})
LOOPBACK = frozenset({"127.0.0.1"})
"""Where everybody is who talks to a cluster on this machine."""


def visible(steps: Iterable[Step], *, audited: bool) -> tuple[Step, ...]:
    """The steps that can be found by what is connected."""
    return tuple(step for step in steps if audited or not step.audit)


def of(step: Step, findings: Iterable[Finding]) -> list[Finding]:
    """The findings of the rule that must notice the step, once they have a status."""
    return [each for each in findings if each["spec"]["rule"] == step.rule and each.get("status", {}).get("count")]


def missed(steps: Iterable[Step], findings: Sequence[Finding], *, audited: bool) -> list[str]:
    """Steps that nobody noticed, or of which nobody knows who it was although the audit log is connected."""
    return [
        f"not found: {step.what} (rule {step.rule})"
        for step in steps
        if not any(not audited or each["status"].get("attribution") in PROVEN for each in of(step, findings))
    ]


def wrong(
    steps: Iterable[Step], findings: Sequence[Finding], *, audited: bool, addresses: frozenset[str] = LOOPBACK
) -> list[str]:
    """What findings say of who it was that is not so; without an audit log to say nothing is right as well.

    ``addresses``: of which one is the intruder's; empty where that cannot be known, and any is right.
    """
    return [
        f"{each['metadata']['name']} {mistake}"
        for step in steps
        for each in of(step, findings)
        for mistake in _mistakes(step, each, audited=audited, addresses=addresses)
    ]


def doubled(findings: Iterable[Finding]) -> list[str]:
    """Rules with two findings for one target: an incident that was counted once for each source."""
    seen = Counter((each["spec"]["rule"], *_target(each)) for each in findings)
    return [f"{times} findings of {key[0]} for {'/'.join(key[1:])}" for key, times in seen.items() if times > 1]


def first_true(steps: Iterable[Step], findings: Iterable[Finding]) -> float | None:
    """When the first finding was made that is about a step, seconds since the epoch; None without one."""
    rules = {step.rule for step in steps}
    made = [
        dt.datetime.fromisoformat(each["metadata"]["creationTimestamp"]).timestamp()
        for each in findings
        if each["spec"]["rule"] in rules
    ]
    return min(made, default=None)


def actors(finding: Finding) -> list[dict[str, Any]]:
    """Who is named, hints left out."""
    return [each for each in finding.get("status", {}).get("actors", []) if each.get("id")]


def _mistakes(step: Step, finding: Finding, *, audited: bool, addresses: frozenset[str]) -> Iterable[str]:
    named = actors(finding)
    ids = [each["id"] for each in named]
    if ids != [step.actor] and (audited or ids):
        yield f"names {', '.join(ids) or 'nobody'}, and it was {step.actor}"
    elif audited:
        actor = named[0]
        if actor.get("impersonator", "") != step.impersonator:
            yield f"says that behind it was {actor.get('impersonator')}, and it was {step.impersonator or 'nobody'}"
        came_from = actor.get("clientIPs", [])
        if len(came_from) != 1 or (addresses and not addresses.issuperset(came_from)):
            yield f"says it came from {came_from}, and it was {' or '.join(sorted(addresses)) or 'one address'}"
        if len(actor.get("credentialIDs", [])) != 1:
            yield f"names the credentials {actor.get('credentialIDs')}, and it was one"


def _target(finding: Finding) -> tuple[str, str, str]:
    target = finding["spec"].get("target", {})
    return target.get("resource", ""), target.get("namespace", ""), target.get("name", "")
