"""What a user looks at after the attack: the findings, one of them whole, the sources, and what stays unseen."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from tests.cluster.controlplane import ControlPlane
from tests.demo import reading, screen, verdict
from tests.live.installation import NAMESPACE

WIDTH: Final = 40
DESCRIBED: Final = "retention-cut"
_SOURCES: Final = '{range .status.sources[*]}{.name}{"\\t"}{.type}{"\\t"}{.state}{"\\n"}{end}'
_NAMED: Final = 3


def findings(cluster: ControlPlane) -> None:
    """The table, then who did each, from where and with which credential."""
    _kubectl(cluster, "get", "k10f", "-n", NAMESPACE, "--sort-by=.metadata.creationTimestamp")
    screen.note("Who, from where, with which credential:")
    for finding in sorted(reading.findings(cluster), key=lambda each: str(each["metadata"]["creationTimestamp"])):
        screen.output(f"{finding['spec']['rule']:{WIDTH}} {_who(finding)}")


def one(cluster: ControlPlane) -> None:
    """One finding whole, with its Events."""
    finding = next(iter(sorted(reading.findings(cluster), key=lambda each: each["spec"]["rule"] != DESCRIBED)), None)
    if finding is not None:
        _kubectl(cluster, "describe", "k10f", finding["metadata"]["name"], "-n", NAMESPACE)


def sources(cluster: ControlPlane) -> None:
    """Each source, and whether it is proven alive."""
    _kubectl(cluster, "get", "auditwatch", "k10", "-n", NAMESPACE, "-o", f"jsonpath={_SOURCES}")


def blind(cluster: ControlPlane) -> None:
    """What it cannot see, in its own words: by reason, with some of the rules."""
    status = reading.watch_status(cluster)
    _kubectl(cluster, "get", "auditwatch", "k10", "-n", NAMESPACE, "-o", "jsonpath={.status.visibility}")
    by_reason: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for rule in status.get("rules", []):
        if rule["visibility"] != "Full":
            by_reason[rule["visibility"], rule.get("reason", "")].append(rule)
    for (visibility, reason), rules in sorted(by_reason.items()):
        screen.note(f"{visibility}, {reason}: {_some([rule['name'] for rule in rules])}")
        screen.output(f"e.g. {rules[0].get('message', '')}")
    screen.note("Seen by nobody who asks the API server, whatever is connected: docs/explanation/blind-spots.md")


def _who(finding: verdict.Finding) -> str:
    named = verdict.actors(finding)
    if not named:
        hints = [each["manager"] for each in finding.get("status", {}).get("actors", []) if each.get("manager")]
        return f"nobody knows; the field manager {hints[0]} is a hint" if hints else "nobody knows"
    return "; ".join(_one(actor) for actor in named)


def _one(actor: dict[str, Any]) -> str:
    behind = f" (really {actor['impersonator']})" if actor.get("impersonator") else ""
    where = f" from {', '.join(actor['clientIPs'])}" if actor.get("clientIPs") else ""
    credential = f" with {', '.join(actor['credentialIDs'])}" if actor.get("credentialIDs") else ""
    return f"{actor['id']}{behind}{where}{credential}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _kubectl(cluster: ControlPlane, *arguments: str) -> None:
    screen.kubectl(*arguments)
    screen.output(cluster.kubectl(*arguments))
