"""Rules into force and out of it, through the engine, with its answer: what it could not do is said and tried again.

The journal keeps since when each rule is in force, so a full disk can keep a watch from coming into force. Called from
kopf's threads and the repair loop's, which may wait; never from a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Final, TypeVar

import structlog

from auditwatch.detection.compiled import RuleSet
from auditwatch.findings.policy import FindingPolicy
from auditwatch.journal.journal import Journal
from auditwatch.runtime.engine import GRACE_SECONDS
from auditwatch.runtime.enginethread import EngineThread
from auditwatch.runtime.needing import NeedlesInForce
from auditwatch.runtime.publishing_memory import configure
from auditwatch.runtime.tally import ledger_of

ANSWER_SECONDS: Final = 30.0
"""How long the engine may take; a disk that hangs must not hold kopf's threads for ever."""

T = TypeVar("T")
log = structlog.get_logger()


class Enforcing:
    """Each method answers why it could not be done; an empty text where it was. Sources look for the needles first."""

    def __init__(
        self,
        engine: EngineThread,
        needles: NeedlesInForce,
        *,
        clock: Callable[[], float],
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._engine = engine
        self._needles = needles
        self._clock = clock
        self._seconds = seconds

    def put(self, rule_set: RuleSet, policy: FindingPolicy) -> str:
        """Put a watch's rules in force, instead of those it had."""
        self._needles.put(rule_set, now=self._clock())
        return self._done(
            rule_set.watch,
            lambda: self._engine.call(lambda engine: configure(engine, rule_set.watch, policy)),
            lambda: self._engine.install_rule_set(rule_set),
        )

    def remove(self, watch: str) -> str:
        """Take a watch's rules out of force."""
        return self._removed(watch)

    def end(self, watch: str) -> str:
        """The same, for it is gone."""
        return self._removed(watch, lambda: self._engine.call(lambda engine: ledger_of(engine).end(watch)))

    def end_formers(self) -> None:
        """Sources look no longer for what no rule is asked about any more."""
        self._needles.end_formers(before=self._clock() - GRACE_SECONDS)

    def end_others(self, watches: Collection[str]) -> str:
        """These are all the watches there are: incidents of others have nobody any more."""
        return self._done("", lambda: self._engine.call(lambda engine: ledger_of(engine).end_others(watches)))

    def ask(self, question: Callable[[Journal], T]) -> tuple[T | None, str]:
        """What the journal answers, in a transaction; ``None`` and why where it does not."""
        answers: list[T] = []
        trouble = self._done("", lambda: self._engine.call(lambda engine: answers.append(question(engine.journal))))
        return (None, trouble) if trouble else (answers[0], "")

    def _removed(self, watch: str, *further: Callable[[], Future[None]]) -> str:
        trouble = self._done(watch, lambda: self._engine.remove_rule_set(watch), *further)
        if not trouble:
            self._needles.remove(watch, now=self._clock())
        return trouble

    def _done(self, watch: str, *steps: Callable[[], Future[None]]) -> str:
        try:
            for step in steps:
                self._await(step())
        except Exception as error:  # noqa: BLE001 - one watch must not end kopf's handlers or the repair loop
            trouble = str(error) or type(error).__name__
            log.warning("rules not changed, will be tried again", watch=watch, error=trouble)
            return trouble
        return ""

    def _await(self, answer: Future[None]) -> None:
        try:
            answer.result(self._seconds)
        except TimeoutError:
            answer.cancel()  # it must not come true after what is tried later
            raise TimeoutError(f"the engine did not answer within {self._seconds:g} s") from None
