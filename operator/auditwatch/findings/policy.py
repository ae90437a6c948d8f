"""What an AuditWatch says about its findings, and where it may put them.

The engine asks the policy for every signal; the policy knows no API model, so the same ledger serves a scan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from auditwatch.detection.signal import SEVERITIES, Severity

RUNBOOKS: Final = "docs/runbooks/{name}.md"
"""Where the pages are in this project; an installer who publishes them says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPolicy:
    """``spec.findings`` of one AuditWatch, with its defaults, and where the installer keeps the runbooks."""

    namespace: str = ""
    """Where objects are made; empty means the watch's own namespace. See :func:`finding_namespace`."""
    min_severity: Severity = "Low"
    """Below it an incident is counted and has no object."""
    reopen_after_seconds: float = 86_400
    """Quiet for longer than this, and the next signal is a new incident."""
    max_per_rule: int = 500
    """Open incidents of one rule; what comes beyond is folded into one. Critical has twice as many of its own."""

    runbooks: str = RUNBOOKS
    """Address of a runbook, in which ``{name}`` stands for its name."""

    def runbook_address(self, runbook: str) -> str:
        """Where the page a rule names is to be read; what is an address already stays, nothing stays nothing."""
        if not runbook or "://" in runbook:
            return runbook
        return self.runbooks.replace("{name}", quote(runbook))

    def namespace_of(self, watch: str) -> str:
        """Where the findings of ``namespace/name`` go."""
        return self.namespace or watch.partition("/")[0]

    def shows(self, severity: Severity) -> bool:
        """Whether an incident of this severity gets an object."""
        return SEVERITIES.index(severity) >= SEVERITIES.index(self.min_severity)


def finding_namespace(*, watch: str, wanted: str, operator_namespace: str) -> str:
    """The namespace a watch's findings go to.

    ``watch`` is ``namespace/name``. Only a watch in the operator's own namespace may name another namespace: findings
    quote what happened elsewhere. Raises ``ValueError`` with the fix where it does so from outside.
    """
    own = watch.partition("/")[0]
    if wanted in ("", own) or own == operator_namespace:
        return wanted or own
    raise ValueError(
        f"spec.findings.namespace: {wanted!r} is accepted only from an AuditWatch in namespace {operator_namespace!r}; "
        f"leave it empty to keep the findings in {own!r}"
    )
