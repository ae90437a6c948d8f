"""A rule's ``where``: tests, macros, ``anyOf``, ``noneOf`` and ``forAny`` compiled to one condition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from auditwatch.api.problems import nearest
from auditwatch.api.where import Clause, ElementTerm, ForAny, Only, Term
from auditwatch.detection.condition import NEVER_KNOWN, NOTHING, Condition, Holds, conjunction, disjunction, none_hold
from auditwatch.detection.fields import Element, FieldError, Reader, compile_field
from auditwatch.detection.fieldtests import Names, compile_test
from auditwatch.detection.kleene import Truth, all_of, any_of
from auditwatch.detection.report import Report
from auditwatch.detection.scope import Scope
from auditwatch.detection.values import MISSING, UNKNOWN

_FLIPPED: Final = {"object": "oldObject", "oldObject": "object"}


def compile_where(clauses: Sequence[Clause], names: Names, report: Report) -> Condition:
    """All clauses hold; ``report`` is the place of the list."""
    return conjunction([_clause(clause, names, report.at(index)) for index, clause in enumerate(clauses)])


def _clause(clause: Clause, names: Names, report: Report) -> Condition:
    if clause.for_any is not None:
        return _for_any(clause.for_any, names, report.at("forAny"))
    if clause.none_of is not None:
        return none_hold(list(_alternatives(clause.none_of, names, report.at("noneOf"), "")))
    return _element_term(clause, names, report, "")


def _element_term(term: ElementTerm, names: Names, report: Report, element: Element) -> Condition:
    if term.any_of is not None:
        lists = _alternatives(term.any_of, names, report.at("anyOf"), element)
        return disjunction([conjunction(items) for items in lists])
    return _term(term, names, report, element)


def _alternatives(
    lists: Iterable[Sequence[Term]], names: Names, report: Report, element: Element
) -> Iterator[list[Condition]]:
    for index, items in enumerate(lists):
        yield [_term(item, names, report.at(index, position), element) for position, item in enumerate(items)]


def _term(term: Term, names: Names, report: Report, element: Element) -> Condition:
    if term.macro is None:
        return compile_test(term, names, report, element=element)
    tests = names.macros.get(term.macro)
    if tests is None:
        report.at("macro").missing("macro", term.macro, nearest(term.macro, names.macros))
        return NEVER_KNOWN
    # A macro's own flaws are reported at the place that uses it: only there it is known what $ is.
    return conjunction([compile_test(test, names, report.at("macro"), element=element) for test in tests])


def _for_any(for_any: ForAny, names: Names, report: Report) -> Condition:
    try:
        elements, others = _elements(for_any, report)
    except FieldError as error:
        report.at("path").error(str(error))
        return NEVER_KNOWN
    element: Element = "Change" if for_any.path == "changes" else "JSON"
    where = conjunction(
        [_element_term(term, names, report.at("where", index), element) for index, term in enumerate(for_any.where)]
    )
    bodies = frozenset({for_any.path}) if compile_field(for_any.path).is_of_body else NOTHING
    return Condition(_any_element(elements, others, where.holds), where.needs, where.bodies | bodies)


def _elements(for_any: ForAny, report: Report) -> tuple[Reader, Reader | None]:
    """Readers of the list, and of the list on the other side for ``only``."""
    only: Only = for_any.only
    root = compile_field(for_any.path).root
    if only == "Any":
        return compile_field(for_any.path).read, None
    if root not in _FLIPPED:
        report.at("only").error(f"{only} compares with the old object: use it with a path that starts with object")
        return compile_field(for_any.path).read, None
    below = for_any.path[len(root) :]
    new, old = compile_field(f"object{below}").read, compile_field(f"oldObject{below}").read
    return (new, old) if only == "New" else (old, new)


def _any_element(read: Reader, read_others: Reader | None, where: Holds) -> Holds:
    def holds(scope: Scope, _outer: object) -> Truth:
        items = _items(read(scope, MISSING))
        if items is None:
            return None
        if read_others is None:
            return any_of(where(scope, item) for item in items)
        others = _items(read_others(scope, MISSING))
        return any_of(all_of((_is_apart(item, others), where(scope, item))) for item in items)

    return holds


def _items(value: object) -> Sequence[object] | None:
    """The elements of a list, the values of a map; nothing for what is absent or neither. ``None``: not seen."""
    if value is UNKNOWN:
        return None
    if isinstance(value, dict):
        return list(value.values())
    if not isinstance(value, list | tuple):
        return ()
    # A path with a wildcard over lists finds lists: their elements are meant.
    if value and all(isinstance(item, list) for item in value):
        return [element for item in value if isinstance(item, list) for element in item]
    return value


def _is_apart(item: object, others: Sequence[object] | None) -> Truth:
    """Whether the element is not in the other list."""
    return None if others is None else item not in others
