"""What sources have to look for now: the needles of every rule set in force, and of our own requests.

Asked by sources before each batch, from whatever thread; changed when a watch is taken up or goes. A new rule's needles
are in here before the rule is in force, and leave some minutes after it, so that no rule waits for events that were
filtered away: what happened before a change of rules is still judged by them (``detection/formers.py``).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.formers import Formers
from auditwatch.detection.needles import needles_of
from auditwatch.events.needles import Needle, Needles

REMEMBERED: Final = 32
"""Needles of which it is known what they were, by digest; a sender uses old ones for seconds, not for long."""


class NeedlesInForce:
    """Called, it gives the needles of now. ``always``: those of our own requests, which no rule asks for."""

    def __init__(self, always: Sequence[Needle] = ()) -> None:
        self._always = tuple(always)
        self._lock = threading.Lock()
        self._rule_sets: dict[str, RuleSet] = {}
        self._formers: Formers[RuleSet] = Formers()
        self._needles = needles_of((), also=self._always)
        self._told = {self._needles.digest: self._needles}

    def __call__(self) -> Needles:
        """Those of now."""
        return self._needles

    def rule_sets(self) -> list[RuleSet]:
        """The rule sets that are asked, those of a short while ago among them."""
        return [*self._rule_sets.values(), *self._formers.all()]

    def put(self, rule_set: RuleSet, *, now: float) -> None:
        """Look for what this watch's rules need; for what they needed before until :meth:`end_formers`."""
        with self._lock:
            former = self._rule_sets.get(rule_set.watch)
            if former is not None and former.digest != rule_set.digest:
                self._formers.keep(rule_set.watch, former, until=now)
            self._rule_sets = {**self._rule_sets, rule_set.watch: rule_set}
            self._renew()

    def remove(self, watch: str, *, now: float) -> None:
        """The watch has no rules any more; what they needed is looked for until :meth:`end_formers`."""
        with self._lock:
            former = self._rule_sets.get(watch)
            if former is not None:
                self._formers.keep(watch, former, until=now)
            self._rule_sets = {known: other for known, other in self._rule_sets.items() if known != watch}
            self._renew()

    def end_formers(self, *, before: float) -> None:
        """Look no longer for what rules needed that went out of force before this time."""
        with self._lock:
            if self._formers.end(before=before):
                self._renew()

    def _renew(self) -> None:
        self._needles = needles_of(self.rule_sets(), also=self._always)
        self._told.pop(self._needles.digest, None)
        self._told[self._needles.digest] = self._needles
        while len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]

    def are_known(self, wanted: frozenset[Needle] | None, digest: str) -> bool:
        """Whether who looks for the needles of ``digest`` finds what a rule with these needles may match.

        An empty digest stands for reading everything; one that was told long ago, or in an earlier life, for nothing.
        """
        told = self._told.get(digest)
        if not digest or (not wanted and wanted is not None):
            return True
        return told is not None and (told.reads_everything or (wanted is not None and wanted <= told.needles))
