"""Since when each rule is in force, kept across restarts, so that a new rule never fires on the past.

A rule is known by its digest: unchanged rules keep their place when their rule set changes around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from auditwatch.journal.journal import Journal


class RuleLike(Protocol):
    """What is needed of a compiled rule."""

    @property
    def digest(self) -> str:
        """Sha256, hex, of all that decides what it matches."""
        ...


class RuleSetLike(Protocol):
    """What is needed of a rule set."""

    @property
    def watch(self) -> str:
        """``namespace/name`` of the AuditWatch."""
        ...

    @property
    def rules(self) -> Mapping[str, RuleLike]:
        """Compiled rules by name."""
        ...


def put_in_force(journal: Journal, rule_set: RuleSetLike) -> dict[str, int]:
    """By rule digest the log sequence above which each rule holds; new rules from now on, rules that left forgotten.

    Runs in one transaction. Raises :class:`JournalError`.
    """
    prefix = _prefix(rule_set.watch)
    digests = {rule.digest for rule in rule_set.rules.values()}
    with journal.transaction():
        now = journal.last_sequence()
        known = {name.removeprefix(prefix): int(value) for name, value in journal.marks(prefix).items()}
        for digest in known.keys() - digests:
            journal.drop_mark(prefix + digest)
        for digest in digests - known.keys():
            journal.set_position(prefix + digest, now)
    return {digest: known.get(digest, now) for digest in digests}


def put_out_of_force(journal: Journal, watch: str) -> None:
    """Forget since when the rules of a watch were in force. Raises :class:`JournalError`."""
    with journal.transaction():
        for name in journal.marks(_prefix(watch)):
            journal.drop_mark(name)


def _prefix(watch: str) -> str:
    return f"inforce/{watch}/"
