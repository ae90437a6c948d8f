"""Rules that are in force here and not yet at every source: a sender chooses what to send by needles it asks for.

Until each reader and sender uses needles that hold a rule's, what happens there is filtered away and the rule sees
less than it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.visibility import Visibility
from auditwatch.events.needles import Needle
from auditwatch.runtime.ingest import SourceReports
from auditwatch.sources.webhook.report import WebhookReport

REASON: Final = "NeedlesPending"
SHOWN: Final = 3
HEARD_SECONDS: Final = 120.0
"""A sender that posted nothing for longer is silent, which is told elsewhere."""
Known = Callable[[frozenset[Needle] | None, str], bool]


def digests_of(reports: SourceReports, *, now: float) -> dict[str, str]:
    """By ``source/instance``, the digest of the needles it chooses by; who tells nothing (any more) is left out."""
    files = {f"{each.source}/{each.instance}": each.needles_digest for each in reports.files if each.read}
    senders = {
        f"{each.source}/{each.instance}": each.needles_digest for each in reports.senders if _is_heard(each, now)
    }
    return files | senders


def _is_heard(report: WebhookReport, now: float) -> bool:
    return report.last_received is not None and now - report.last_received <= HEARD_SECONDS


def pending(
    rule_set: RuleSet, seen: Mapping[str, Visibility], digests: Mapping[str, str], are_known: Known
) -> dict[str, Visibility]:
    """The same, where a source does not look for a rule's events yet: Partial instead of Full, and who it is."""
    late: dict[str, Visibility] = {}
    for name, rule in rule_set.rules.items():
        behind = [where for where, digest in sorted(digests.items()) if not are_known(rule.needles, digest)]
        if behind and rule.story is None and seen[name].level == "Full":
            more = f" and {len(behind) - SHOWN} more" if len(behind) > SHOWN else ""
            message = f"{', '.join(behind[:SHOWN])}{more} will look for its events within seconds"
            late[name] = Visibility("Partial", REASON, message)
    return {**seen, **late}
