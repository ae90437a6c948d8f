"""Signals become findings: identity, counting, lifecycle, and how they are shown. Nothing here waits for anybody."""

from auditwatch.findings.ledger import Ledger
from auditwatch.findings.policy import FindingPolicy, finding_namespace
from auditwatch.findings.rendering import manifest, status
from auditwatch.findings.state import FindingState

__all__ = ["FindingPolicy", "FindingState", "Ledger", "finding_namespace", "manifest", "status"]
