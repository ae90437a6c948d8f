"""The objects an incident is about: each counts once, by name, however often it is touched."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from auditwatch.detection import texts
from auditwatch.events.activity import Target
from auditwatch.findings.identity import digest
from auditwatch.findings.state import COUNTED_TARGETS, TARGETS, FindingState, TargetSeen

NAME: Final = 253
WORD: Final = 63
UID: Final = 64
"""Characters kept (api/findingstatus.py)."""
REMEMBERED: Final = 8
"""Targets as kept: that of one signal is asked for several times."""


def target_seen(target: Target, time: float) -> TargetSeen:
    """The target as findings keep it: every part escaped and cut."""
    return _seen(target, time)


@lru_cache(REMEMBERED)
def _seen(target: Target, time: float) -> TargetSeen:
    return TargetSeen(
        group=texts.shown(target.group, NAME),
        version=texts.shown(target.version, WORD),
        resource=texts.shown(
            f"{target.resource}/{target.subresource}" if target.subresource else target.resource, WORD
        ),
        namespace=texts.shown(target.namespace, WORD),
        name=texts.shown(target.name, NAME),
        uid=texts.shown(target.uid, UID),
        time=time,
    )


def target_hash(target: TargetSeen) -> int:
    """64 bits that tell targets apart: by name, and by uid only where there is no name."""
    return int(digest(target.group, target.resource, target.namespace, target.name or target.uid), 16)


def add_target(state: FindingState, target: Target, time: float) -> bool:
    """Whether an object was touched that the incident did not hold. A recreated object of the same name is the same."""
    seen = target_seen(target, time)
    hashed = target_hash(seen)
    if hashed in state.target_hashes:
        return False
    if len(state.target_hashes) < COUNTED_TARGETS:
        state.target_hashes.add(hashed)
    if len(state.targets) < TARGETS:
        state.targets.append(seen)
    state.target_count += max(1, target.count or 1)
    return True


def inherit_targets(state: FindingState, other: FindingState) -> bool:
    """Hold the objects another incident holds; whether one of them is new. Each counts once."""
    fresh = other.target_hashes - state.target_hashes
    shown = [target for target in other.targets if target_hash(target) in fresh]
    state.targets += shown[: TARGETS - len(state.targets)]
    state.target_hashes.update(sorted(fresh)[: COUNTED_TARGETS - len(state.target_hashes)])
    state.target_count = max(state.target_count + len(fresh), other.target_count)
    return bool(fresh)


def object_phrase(target: TargetSeen) -> str:
    """``resource/name``, with its namespace in front where it has one: ``kasten-io/policies/daily``."""
    return "/".join(part for part in (target.namespace, target.resource, target.name) if part)
