"""Rules that are in force whatever an AuditWatch says: those that tell that an AuditWatch says less.

An AuditWatch that is gone or paused has no rules any more, and one that was changed is judged by what it says now: who
may write it could take out of force, with the same request, what would have told of it. So the pack's rules about this
are a rule set of the operator's own, which has the pack's lists and macros and knows no exceptions of anybody's. Its
findings go to the operator's namespace, each once however many AuditWatches there are. AuditWatches of tenants have
these rules as well, for a tenant sees no other namespace.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from auditwatch.api.auditwatch import PackReference
from auditwatch.api.pack import NamedList
from auditwatch.api.problems import Problem
from auditwatch.detection.compile import PackUse, RuleSource, compile_watch
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.packs import LoadedPack
from auditwatch.detection.scope import K10View

ACCOUNTS: Final = "auditwatch-accounts"
"""The packs' list of accounts that are this monitor's own."""
NAMESPACES: Final = "auditwatch-namespaces"
"""The packs' list of namespaces that this monitor runs in."""
GUARDS: Final = frozenset({"watch-silenced", "watch-loosened", "watch-definition-deleted"})
"""Names of the rules, wherever in the shipped packs they stand."""
NAME: Final = "auditwatch_itself"
"""Whose findings these are: with an underscore, no object of Kubernetes can be called so."""


def own_lists(*, namespace: str, account: str) -> tuple[NamedList, ...]:
    """What an operator adds to the packs' lists: where it runs and, if it knows that, its username."""
    runs = NamedList(name=NAMESPACES, values=(namespace,))
    return (runs, NamedList(name=ACCOUNTS, values=(account,))) if account else (runs,)


def guard_key(operator_namespace: str) -> str:
    """``namespace/name``, the word detection and findings know the rule set by."""
    return f"{operator_namespace}/{NAME}"


def guard_rules(
    packs: Sequence[LoadedPack],
    *,
    operator_namespace: str,
    lists: Sequence[NamedList] = (),
    k10: K10View,
    since: float,
    now: float,
) -> RuleSet:
    """The rule set of these rules alone, as the packs have them.

    ``lists``: what the operator knows of itself, instead of what the packs suppose: an account of the usual name is
    anybody's where the operator has another. ``since``: event time from which they match, ``now``: for exceptions that
    end; both seconds since the epoch.
    """
    known = frozenset(named.name for named in lists)
    parts = [_guards_of(pack, known) for pack in packs]
    uses = [PackUse("", PackReference(name=part.name, version=part.version), part) for part in parts if part.rules]
    source = RuleSource(watch=guard_key(operator_namespace), since=since, packs=uses, lists=lists)
    return replace(compile_watch(source, k10=k10, now=now)[0], tells_gaps=False)  # AuditWatches tell of them


def _guards_of(pack: LoadedPack, known: frozenset[str]) -> LoadedPack:
    """The guards of a pack, and its lists but those that are known better."""
    rules = tuple(each for each in pack.rules if each[1].name in GUARDS)
    return replace(pack, rules=rules, lists=tuple(named for named in pack.lists if named.name not in known))


def unguarded(use: PackUse) -> tuple[PackUse, tuple[Problem, ...]]:
    """What an AuditWatch of the operator's namespace uses of a pack, and what it asks in vain of the others."""
    if use.pack is None:
        return use, ()
    reference = use.reference.model_copy(
        update={
            "disable": tuple(name for name in use.reference.disable if name not in GUARDS),
            "overrides": tuple(each for each in use.reference.overrides if each.rule not in GUARDS),
        }
    )
    rules = tuple(each for each in use.pack.rules if each[1].name not in GUARDS)
    return PackUse(use.path, reference, replace(use.pack, rules=rules)), tuple(_in_vain(use))


def _in_vain(use: PackUse) -> Iterator[Problem]:
    asked = [(f"disable[{index}]", name) for index, name in enumerate(use.reference.disable)]
    asked += [(f"overrides[{index}].rule", each.rule) for index, each in enumerate(use.reference.overrides)]
    for place, name in asked:
        if name in GUARDS:
            message = f"{name!r} tells who changes an AuditWatch and stays in force as it is: take it out here"
            yield Problem(f"{use.path}.{place}", message, fatal=False)
