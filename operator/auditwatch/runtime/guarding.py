"""Keeps the guards (``detection/guards.py``) in force from the operator's first start on, whatever AuditWatches say.

They match from when there first was an AuditWatch to guard, and the journal remembers when that was: a later start must
pass over nothing that happened in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from auditwatch.api.pack import NamedList
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.guards import guard_key, guard_rules
from auditwatch.detection.packs import LoadedPack
from auditwatch.detection.scope import K10View
from auditwatch.findings.policy import FindingPolicy
from auditwatch.journal.journal import Journal
from auditwatch.runtime.enforcing import Enforcing

SINCE: Final = "guard/since"
"""Mark of the journal: whole seconds since the epoch."""


class Guarding:
    """Belongs to whoever holds the reconciler's lock."""

    def __init__(
        self,
        enforcing: Enforcing,
        *,
        operator_namespace: str,
        packs: Sequence[LoadedPack],
        lists: Sequence[NamedList],
        clock: Callable[[], float],
        runbooks: str,
    ) -> None:
        self._enforcing = enforcing
        self._operator_namespace = operator_namespace
        self._packs = tuple(packs)
        self._lists = tuple(lists)
        self._clock = clock
        self._policy = FindingPolicy(runbooks=runbooks)
        self._since: float | None = None
        self._k10: K10View | None = None
        self._rule_set: RuleSet | None = None

    @property
    def key(self) -> str:
        """``namespace/name`` its findings are known by."""
        return guard_key(self._operator_namespace)

    @property
    def rule_set(self) -> RuleSet | None:
        """What is in force; ``None`` where nothing is yet."""
        return self._rule_set

    def keep(self, k10: K10View, *, first: float) -> str:
        """See that they are in force, as this K10 takes them; why they are not, empty where they are.

        ``first``: when the oldest AuditWatch was created, seconds since the epoch.
        """
        if self._rule_set is not None and k10 == self._k10:
            return ""
        trouble = self._learn_since(first)
        if self._since is None:
            return trouble
        rule_set = guard_rules(
            self._packs,
            operator_namespace=self._operator_namespace,
            lists=self._lists,
            k10=k10,
            since=self._since,
            now=self._clock(),
        )
        trouble = self._enforcing.put(rule_set, self._policy)
        if not trouble:
            self._rule_set, self._k10 = rule_set, k10
        return trouble

    def _learn_since(self, first: float) -> str:
        if self._since is None:
            self._since, trouble = self._enforcing.ask(lambda journal: guarded_since(journal, first))
            return trouble
        return ""


def guarded_since(journal: Journal, first: float) -> float:
    """What the journal remembers; where it remembers nothing, ``first``, which it does from now on."""
    if journal.mark(SINCE) is None:
        journal.set_position(SINCE, int(first))
    return float(journal.position(SINCE))
