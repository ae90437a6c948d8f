"""One rule, from what people wrote to what the detector runs, with everything that is wrong with it at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from auditwatch.api.auditwatch import Override
from auditwatch.api.correlate import Correlate
from auditwatch.api.rules import DEFAULT_GROUP_BY, Rule
from auditwatch.api.where import Clause, FieldTest, Term
from auditwatch.detection.compiled import CompiledRule, OnUnknown, SeverityCase, Story
from auditwatch.detection.condition import ALWAYS, Condition, conjunction
from auditwatch.detection.exceptions import compile_exceptions
from auditwatch.detection.fields import Field, FieldError, compile_field
from auditwatch.detection.fieldtests import Names
from auditwatch.detection.matching import Selector, compile_match, compile_selector
from auditwatch.detection.needles import rule_namespaces, rule_needles
from auditwatch.detection.report import Report
from auditwatch.detection.scope import K10_NAMESPACES, K10View
from auditwatch.detection.templates import Template, TemplateError, compile_template
from auditwatch.detection.where import compile_where

MAX_DESCRIPTION: Final = 4096
"""Characters of a rendered description."""

_DEFAULT_TITLES: Final = {
    False: "{rule}: {{request.verb}} {{target.resource}}/{{target.name}}",
    True: "{rule}: {{count}} in {seconds} s",
}
_NOTHING: Final = Selector((), (), frozenset())


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule is compiled in: the names of its pack and watch, its pack, and how the watch tunes it."""

    names: Names
    k10: K10View
    now: float
    pack: str = ""
    override: Override | None = None


def compile_rule(rule: Rule, context: Context, report: Report) -> CompiledRule:
    """The rule; of use only if ``report`` has nothing fatal. A story's members are filled in by :mod:`stories`."""
    override = context.override
    is_match = rule.match is not None
    _fields(rule.requires_fields, report.at("requiresFields"))
    title = _template(rule.title or _default_title(rule), report.at("title"))
    selector = compile_selector(rule.match, context.k10) if rule.match else _NOTHING
    return CompiledRule(
        name=rule.name,
        pack=context.pack,
        digest=rule_digest(rule, context),
        severity=(override and override.severity) or rule.severity,
        confidence=rule.confidence,
        emits_finding=rule.emit == "Finding",
        is_muted=bool(override and override.mute),
        title=title,
        description=_template(rule.description, report.at("description"), MAX_DESCRIPTION),
        group_by=_fields(_group_by(rule), report.at(*_group_by_path(rule))),
        selector=selector,
        needles=rule_needles(rule, selector, context.names, context.k10),
        namespaces=rule_namespaces(rule, context.names),
        condition=_condition(rule, context, report) if is_match else ALWAYS,
        severity_cases=_severity_cases(rule, context.names, report.at("severityWhen")),
        on_unknown=_on_unknown(rule, title, report.at("onUnknown", "title")),
        exceptions=compile_exceptions(rule.exceptions, context.names, report.at("except"), now=context.now),
        story=None if rule.correlate is None else _story(rule.correlate, report.at("correlate")),
        unresolved=tuple(dict.fromkeys(report.unresolved)),
        source=rule,
    )


def rule_digest(rule: Rule, context: Context) -> str:
    """Sha256, hex, of the rule, the macros it names and how it is tuned.

    Its tests and texts and the contents of lists are left out: they change nothing about what it is, and a rule whose
    digest stays keeps its windows.
    """
    ignored = {"tests", "title", "description", "remediation", "runbook"}
    parts = [
        rule.model_dump(mode="json", by_alias=True, exclude=ignored, exclude_none=True),
        {name: _dump(context.names.macros.get(name, ())) for name in sorted(set(_macros(rule)))},
        context.override.model_dump(mode="json", exclude_none=True) if context.override else None,
        [context.pack.partition("@")[0], context.k10.group("config.kio.kasten.io")],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _dump(tests: Iterable[FieldTest]) -> list[str]:
    return [test.model_dump_json(by_alias=True, exclude_none=True) for test in tests]


def _macros(rule: Rule) -> Iterable[str]:
    wheres = [rule.where or (), *(case.where for case in rule.severity_when), *(each.where for each in rule.exceptions)]
    return (name for where in wheres for clause in where for name in _macros_of(clause))


def _macros_of(clause: Clause) -> Iterable[str]:
    inner = clause.for_any.where if clause.for_any else ()
    terms: list[Term] = [clause, *inner]
    for holder in (clause, *inner):
        terms += [term for items in holder.any_of or () for term in items]
    terms += [term for items in clause.none_of or () for term in items]
    return (term.macro for term in terms if term.macro is not None)


def _default_title(rule: Rule) -> str:
    seconds = rule.correlate.timespan_seconds if rule.correlate else 0
    return _DEFAULT_TITLES[rule.correlate is not None].format(rule=rule.name, seconds=seconds)


def _template(text: str, report: Report, length: int | None = None) -> Template:
    try:
        return compile_template(text) if length is None else compile_template(text, length)
    except TemplateError as error:
        report.error(str(error))
        return lambda _scope: ""


def _condition(rule: Rule, context: Context, report: Report) -> Condition:
    assert rule.match is not None
    homes = context.names.lists.get(K10_NAMESPACES, ())
    match = compile_match(rule.match, context.k10, report.at("match"), homes)
    return conjunction([match, compile_where(rule.where or (), context.names, report.at("where"))])


def _severity_cases(rule: Rule, names: Names, report: Report) -> tuple[SeverityCase, ...]:
    return tuple(
        SeverityCase(case.severity, compile_where(case.where, names, report.at(index, "where")))
        for index, case in enumerate(rule.severity_when)
    )


def _on_unknown(rule: Rule, title: Template, report: Report) -> OnUnknown | None:
    written = rule.on_unknown
    if written is None:
        return None
    return OnUnknown(written.severity, title if written.title is None else _template(written.title, report))


def _group_by(rule: Rule) -> tuple[str, ...]:
    if rule.finding is not None and rule.finding.group_by is not None:
        return rule.finding.group_by
    return DEFAULT_GROUP_BY if rule.correlate is None else rule.correlate.group_by or ()


def _group_by_path(rule: Rule) -> tuple[str, str]:
    is_own = rule.finding is not None and rule.finding.group_by is not None
    return ("finding", "groupBy") if is_own or rule.correlate is None else ("correlate", "groupBy")


def _fields(names: Iterable[str], report: Report) -> tuple[Field, ...]:
    fields = []
    for index, name in enumerate(names):
        try:
            fields.append(compile_field(name))
        except FieldError as error:
            report.at(index).error(str(error))
    return tuple(fields)


def _story(correlate: Correlate, report: Report) -> Story:
    return Story(
        members=frozenset(),
        key=_fields(correlate.group_by or (), report.at("groupBy")),
        timespan=float(correlate.timespan_seconds),
        threshold=correlate.conditions[0].gte,
        sums_targets=correlate.count is not None,
        value=_fields(correlate.value or (), report.at("value")),
    )
