"""From what a watch asks for to the rules in force: everything resolved, and every problem told at once.

A rule with a problem is left out and all others stay: one mistake must not blind a watch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from auditwatch.api.auditwatch import Override, PackReference
from auditwatch.api.pack import Macro, NamedList
from auditwatch.api.problems import Problem, join, nearest, validate
from auditwatch.api.rules import Rule
from auditwatch.detection.compiled import CompiledRule, RuleSet
from auditwatch.detection.fieldtests import Names
from auditwatch.detection.packs import LoadedPack
from auditwatch.detection.report import Report
from auditwatch.detection.rulecompiler import Context, compile_rule
from auditwatch.detection.scope import K10View
from auditwatch.detection.stories import Known, resolve_story

__all__ = ["PackUse", "Problem", "RuleSet", "RuleSource", "compile_watch"]


@dataclass(frozen=True, slots=True)
class PackUse:
    """A pack a watch names. ``pack`` is ``None`` where there is none of that name and version."""

    path: str
    """Where the watch names it: ``spec.packs[0]``."""
    reference: PackReference
    pack: LoadedPack | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSource:
    """All that the rules of one watch are made of."""

    watch: str
    """``namespace/name`` of the AuditWatch."""
    since: float = 0.0
    """Event time, seconds since the epoch, from which the rules match: when the watch was created."""
    tenant: str | None = None
    """The only namespace it may see; ``None`` in the operator's own namespace."""
    packs: Sequence[PackUse] = ()
    rules: Sequence[tuple[str, Rule | Mapping[str, Any]]] = ()
    """(path, rule): ``("spec.rules[0]", {…})``."""
    lists: Sequence[NamedList] = ()
    macros: Sequence[Macro] = ()
    elsewhere: frozenset[str] = frozenset()
    """Names of rules in other files of the same pack, which are not compiled with these."""
    time_zone: str = "UTC"


def compile_watch(source: RuleSource, *, k10: K10View, now: float) -> tuple[RuleSet, tuple[Problem, ...]]:
    """The rules that can be in force, and every problem. ``now``: seconds since the epoch, for expired exceptions."""
    compiler = _Compiler(source, k10, now)
    for use in source.packs:
        compiler.add_pack(use)
    compiler.add_own()
    compiler.resolve_stories()
    zone = compiler.zone()
    rule_set = RuleSet(
        watch=source.watch,
        digest=_digest(source, compiler.rules),
        rules=compiler.rules,
        k10=k10,
        zone=zone,
        since=source.since,
        tenant=source.tenant,
        left_out=compiler.left_out,
    )
    return rule_set, tuple(dict.fromkeys(compiler.problems))


@dataclass(slots=True)
class _Compiler:
    source: RuleSource
    k10: K10View
    now: float
    rules: dict[str, CompiledRule] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    paths: dict[str, str] = field(default_factory=dict)

    def add_pack(self, use: PackUse) -> None:
        pack = use.pack
        if pack is None:
            wanted = f"{use.reference.name} version {use.reference.version}"
            self.problems.append(
                Problem(use.path, f"there is no pack {wanted}: none of its rules is in force", fatal=False)
            )
            return
        overrides = {override.rule: override for override in use.reference.overrides}
        self.problems += _unknown_names(use, pack)
        self.left_out |= pack.left_out
        names = _names([pack], self.source, self.k10)
        for path, rule in pack.rules:
            known_as = {rule.name, *rule.replaces}
            if known_as.isdisjoint(use.reference.disable):
                override = next((overrides[name] for name in known_as if name in overrides), None)
                self._add(rule, f"{use.path}.{path}", names, pack.reference, override)
            else:
                self.disabled |= known_as

    def add_own(self) -> None:
        names = _names([use.pack for use in self.source.packs if use.pack], self.source, self.k10)
        for path, written in self.source.rules:
            rule = self._parsed(path, written)
            if rule is not None:
                self._add(rule, path, names, "", None)

    def resolve_stories(self) -> None:
        known = Known(dict(self.rules), frozenset(self.disabled | self.left_out.keys() | self.source.elsewhere))
        for rule in known.rules.values():
            if rule.story is not None:
                report = Report(self.paths[rule.name], rule.name)
                self._accept(resolve_story(rule, known, report), report)

    def zone(self) -> tzinfo:
        try:
            return ZoneInfo(self.source.time_zone) if self.source.time_zone != "UTC" else UTC
        except (KeyError, ValueError, OSError):  # not found; no name; the name of a directory
            message = f"there is no time zone {self.source.time_zone!r}: write an IANA name like Europe/Paris"
        self.problems.append(Problem("spec.timeZone", f"{message}; UTC is used"))
        return UTC

    def _parsed(self, path: str, written: Rule | Mapping[str, Any]) -> Rule | None:
        if isinstance(written, Rule):
            return written
        name = str(written.get("name", ""))
        rule, problems = validate(Rule, written, path, rule=name)
        self.problems += problems
        if rule is None and name:
            self.left_out.setdefault(name, str(problems[0]))
        return rule

    def _add(self, rule: Rule, path: str, names: Names, pack: str, override: Override | None) -> None:
        report = Report(path, rule.name)
        if rule.name in self.rules:
            report.at("name").error(_taken(rule.name, self.paths[rule.name]))
            self.problems += report.problems
            return
        self.paths[rule.name] = path
        context = Context(names, self.k10, self.now, pack, override)
        self._accept(compile_rule(rule, context, report), report)

    def _accept(self, rule: CompiledRule, report: Report) -> None:
        self.problems += report.problems
        if report.is_fatal:
            self.rules.pop(rule.name, None)
            first = next(problem for problem in report.problems if problem.fatal)
            self.left_out[rule.name] = str(first)
        else:
            self.rules[rule.name] = rule


def _taken(name: str, path: str) -> str:
    """What to do about a name that the rule at ``path`` has already."""
    pack, is_packs, _ = path.partition(".rules[")
    if is_packs and pack.startswith("spec.packs["):
        fix = f"rename this one, or put it in the place of the pack's by adding {name!r} to {pack}.disable"
        return f"the pack at {pack} has a rule {name!r} too: {fix}"
    return f"there is another rule {name!r} at {path}: rename this one"


def _names(packs: Sequence[LoadedPack], source: RuleSource, k10: K10View) -> Names:
    """What rules of these packs may name: lists add up, a watch's macro stands instead of a pack's.

    What is written on a list comes first, then what the installed K10 adds to one of this name.
    """
    lists: dict[str, tuple[str, ...]] = {}
    for named in (*(named for pack in packs for named in pack.lists), *source.lists):
        lists[named.name] = tuple(dict.fromkeys((*lists.get(named.name, ()), *named.values)))
    lists |= {name: tuple(dict.fromkeys((*lists[name], *more))) for name, more in k10.lists.items() if name in lists}
    macros = {macro.name: macro.where for pack in packs for macro in pack.macros}
    return Names(lists, macros | {macro.name: macro.where for macro in source.macros})


def _unknown_names(use: PackUse, pack: LoadedPack) -> Iterator[Problem]:
    """What ``disable`` and ``overrides`` name that the pack does not have."""
    known = {name for _, rule in pack.rules for name in (rule.name, *rule.replaces)} | pack.left_out.keys()
    asked: list[tuple[tuple[str | int, ...], str]] = [
        (("disable", index), name) for index, name in enumerate(use.reference.disable)
    ]
    asked += [(("overrides", index, "rule"), each.rule) for index, each in enumerate(use.reference.overrides)]
    for location, name in asked:
        if name not in known:
            message = f"pack {pack.reference} has no rule {name!r}{nearest(name, known)}"
            yield Problem(join(use.path, location), message, fatal=False)


def _digest(source: RuleSource, rules: Mapping[str, CompiledRule]) -> str:
    """Sha256, hex, of everything that decides what the set does and says."""
    parts = [
        [source.watch, source.tenant, source.time_zone],
        [[each.name, *each.values] for each in source.lists],
        [
            [
                rule.digest,
                rule.pack,
                sorted(rule.story.members) if rule.story else [],
                rule.source.model_dump(mode="json"),
            ]
            for rule in rules.values()
        ],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
