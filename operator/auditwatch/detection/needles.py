"""What must stand in the bytes of every audit event a rule may match, so that all others need not be decoded.

A needle uses what the API server itself writes, never what a client may spell in its own way (URI, user agent). It
may select too much and must never miss. A rule of which nothing is certain makes its sources read everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from auditwatch.api.match import Match
from auditwatch.api.rules import Rule
from auditwatch.api.where import FieldTest
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.fieldtests import Names
from auditwatch.detection.globs import is_literal
from auditwatch.detection.matching import COLLECTION, CONNECTING, SERVICE_ACCOUNT, Selector
from auditwatch.detection.measures import measure
from auditwatch.detection.scope import K10View
from auditwatch.events.needles import Needle, Needles

MAX_NEEDLES: Final = 64
"""Needles of one rule; more alternatives than that are looked for by one literal instead of two."""

_READS: Final = frozenset({"get", "list", "watch"})

NO_NEEDLE: Final[frozenset[Needle]] = frozenset()

_WILD: Final = re.compile(r"[*?]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\ud800-\udfff]")
_FIELDS: Final = {
    "target.group": "apiGroup",
    "target.resource": "resource",
    "target.namespace": "namespace",
    "target.name": "name",
}
"""Fields of a where that stand in objectRef, by the key they have there."""
_WHO: Final = {"event.user.username": "username", "actor.name": ""}
"""Fields of a where that say who it was, by the key they have, if it is one alone."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """Literals of which one is in every event that matches; ``rank``: how few other events have it, rising."""

    rank: int
    literals: tuple[str, ...]


def rule_needles(rule: Rule, selector: Selector, names: Names, k10: K10View) -> frozenset[Needle] | None:
    """The needles of a rule; ``None`` where nothing is certain.

    A rule that takes state as its evidence matches without any event; its needles are there to find out who it was.
    """
    match = rule.match
    if match is None:
        return NO_NEEDLE
    certain = [*_certain(match, selector), *_tested(rule, names)]
    if rule.on_unknown is None:
        certain += _identities(match)
    named = list(_names(match, k10))
    found = _combined([*certain, *named])
    if found is not None and named and _takes_collections(selector):
        found |= _combined([*certain, *_choice(6, [_keyed("verb", COLLECTION)])]) or NO_NEEDLE
    return NO_NEEDLE if found is None and match.evidence == ("State",) else found


def rule_namespaces(rule: Rule, names: Names) -> tuple[str, ...]:
    """The namespaces outside of which a rule never matches; empty where that is not certain, or said by patterns."""
    written: list[Sequence[str]] = [] if rule.match is None else [rule.match.namespaces or ()]
    tested = [_patterns(test, names) for test in _tests(rule, names) if test.field == "target.namespace"]
    found = [tuple(each) for each in (*written, *tested) if each and all(map(is_literal, each))]
    return min(found, key=len) if found else ()


def needles_of(rule_sets: Iterable[RuleSet], *, also: Iterable[Needle] = ()) -> Needles:
    """The needles of all rules in force, and those of whoever else has to see events."""
    found = [rule.needles for rule_set in rule_sets for rule in rule_set.rules.values()]
    every = frozenset(also).union(*(needles for needles in found if needles is not None))
    return Needles.of(every, reads_everything=None in found)


def without_needle(rule_set: RuleSet) -> tuple[str, ...]:
    """Names of the rules because of which everything has to be read."""
    return tuple(name for name, rule in rule_set.rules.items() if rule.needles is None)


def _combined(choices: Iterable[_Choice]) -> frozenset[Needle] | None:
    """The best choice, and with it the next that does not make too many."""
    ranked = sorted(choices, key=lambda choice: (-choice.rank, len(choice.literals)))
    if not ranked:
        return None
    first = ranked[0]
    for second in ranked[1:]:
        if len(first.literals) * len(second.literals) <= MAX_NEEDLES:
            return frozenset(Needle((one, other)) for one in first.literals for other in second.literals)
    return frozenset(Needle((literal,)) for literal in first.literals)


def _names(match: Match, k10: K10View) -> Iterator[_Choice]:
    """The name of what is created may stand in the metadata of a body alone, which the server encodes as well."""
    yield from _choice(5, [_keyed("name", k10.group(name)) for name in match.names or ()])


def _takes_collections(selector: Selector) -> bool:
    """Whether a request may match that deletes many objects and names none: its bytes need not have a name."""
    return selector.verbs is None or COLLECTION in selector.verbs


def _certain(match: Match, selector: Selector) -> Iterator[_Choice]:
    """What is known of every audit event: the object, and the code."""
    yield from _choice(3, [_keyed("namespace", namespace) for namespace in match.namespaces or ()])
    yield from _choice(2, [_keyed("apiGroup", group) for group in selector.groups or ()])
    yield from _choice(1, [_resource(resource) for resource in selector.resources or ()])
    yield from _choice(0, [_keyed("verb", verb) for verb in _reads(selector)])
    if set(match.outcomes) == {"Denied"}:
        yield from _choice(0, ['"code":401', '"code":403'])


def _reads(selector: Selector) -> Sequence[str]:
    """The verbs of a rule that looks at nothing but reads.

    Of others they are left open: what an object was before is learnt from whatever shows it, and a creation may stand
    for a change. To open a connection is a read for some clients alone.
    """
    connects = any(resource.partition("/")[2] in {*CONNECTING, "*"} for resource in selector.resources or ("*/*",))
    verbs = selector.verbs or frozenset()
    return sorted(verbs) if verbs <= _READS and not connects else ()


def _identities(match: Match) -> Iterator[_Choice]:
    """Who it was; K10's own record leaves open who authenticated, so these need a rule that unknown does not match."""
    accounts = [f"{SERVICE_ACCOUNT}{name.replace('/', ':', 1)}" for name in match.service_accounts or ()]
    yield from _choice(4, [_keyed("username", name) for name in accounts])
    yield from _choice(4, [_keyed("username", name) for name in match.users or ()])
    yield from _choice(4, [_part("", name) for name in match.actors or ()])
    for groups in (match.user_groups, match.actor_groups):
        yield from _choice(1, [_part("", group) for group in groups or ()])


def _tested(rule: Rule, names: Names) -> Iterator[_Choice]:
    """What tests of the where itself require of the object."""
    for test in _tests(rule, names):
        key, who = _FIELDS.get(test.field or ""), _WHO.get(test.field or "")
        if key is not None:
            yield from _choice(3, [_keyed(key, pattern) for pattern in _patterns(test, names)])
        if who is not None and rule.on_unknown is None:
            before = f'"{who}":' if who else ""
            yield from _choice(4, [_part(before, pattern) for pattern in _patterns(test, names)])


def _tests(rule: Rule, names: Names) -> Iterator[FieldTest]:
    for clause in rule.where or ():
        if clause.macro is not None:
            yield from names.macros.get(clause.macro, ())
        elif clause.field is not None:
            yield clause


def _patterns(test: FieldTest, names: Names) -> Sequence[str]:
    """The values of which the field must be one, as globs; none where the test does not say."""
    values = test.values if test.list_name is None else names.lists.get(test.list_name)
    if test.operator == "Glob":
        return values or ()
    is_plain = values is not None and all(is_literal(value) and measure(value) is None for value in values)
    if test.operator in {"Equals", "In"} and is_plain:
        return values or ()
    return [f"{value}*" for value in values or ()] if test.operator == "StartsWith" and is_plain else ()


def _choice(rank: int, literals: Sequence[str]) -> Iterator[_Choice]:
    """A choice, if each of its alternatives has a literal."""
    if literals and all(literals) and len(set(literals)) <= MAX_NEEDLES:
        yield _Choice(rank, tuple(dict.fromkeys(literals)))


def _resource(written: str) -> str:
    resource, _, subresource = written.partition("/")
    return (_keyed("subresource", subresource) if subresource else "") or _keyed("resource", resource)


def _keyed(key: str, pattern: str) -> str:
    return _part(f'"{key}":', pattern)


def _part(before: str, pattern: str) -> str:
    """The longest certain part of a JSON string that fits a glob, its quotes included; empty where nothing is."""
    parts = _WILD.split(pattern)
    if not pattern or _CONTROL.search(pattern):
        return ""
    if len(parts) == 1:
        return f'{before}"{_escaped(pattern)}"'
    inner = [_escaped(part) for part in parts[1:-1]]
    ends = [f'{before}"{_escaped(parts[0])}' if parts[0] else "", f'{_escaped(parts[-1])}"' if parts[-1] else ""]
    return max(*ends, *inner, key=len)


def _escaped(text: str) -> str:
    """As JSON writes it between the quotes. What Go escapes besides is the prefilter's to spell."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
