"""Rules held against what became known late of a row they have seen: what was told is corrected, never told again.

Whether a rule held for the row as it was is worked out anew, without a trace in counters and windows. So it needs no
memory, and the same log gives the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from auditwatch.detection.compiled import CompiledRule
from auditwatch.detection.scope import Scope
from auditwatch.detection.signal import Signal
from auditwatch.detection.signals import matched
from auditwatch.detection.values import MISSING


def quiet_signal(watch: str, rule: CompiledRule, sequence: int, scope: Scope) -> Signal | None:
    """What the rule says of a row, without anything being counted. An exception with ``upTo`` mutes nothing here."""
    truth = rule.condition.holds(scope, MISSING)
    if truth is False or (truth is None and rule.on_unknown is None):
        return None
    exceptions = (exception for exception in rule.exceptions if exception.up_to is None)
    is_muted = rule.is_muted or any(exception.covers(scope) for exception in exceptions)
    return matched(watch, rule, sequence, scope, unknown=truth is None, is_muted=is_muted)


def told_before(watch: str, rules: Iterable[CompiledRule], sequence: int, scope: Scope) -> dict[str, Signal]:
    """What rules said of the row as it was, by rule."""
    found = (quiet_signal(watch, rule, sequence, scope) for rule in rules)
    return {signal.rule: signal for signal in found if signal is not None}


def revised(signal: Signal, before: Signal) -> Signal:
    """The signal for the row as it is now known, where the rule held for it before.

    In the same group it corrects the finding. In another one (the rule groups by what was unknown) it is told there,
    and the finding it was told in is marked as superseded. Where nothing was told before, it is told now.
    """
    if not before.emits_finding:
        return signal
    if before.group == signal.group:
        return replace(signal, amends=True, former=before.activity)
    return replace(signal, supersedes=before.group, superseded_count=before.count)
