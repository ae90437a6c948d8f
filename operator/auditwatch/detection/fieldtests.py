"""One test of one field: absent and unknown decided alike for every operator, the rest handed to its predicate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditwatch.api.operators import SHAPES
from auditwatch.api.problems import nearest
from auditwatch.api.where import FieldTest
from auditwatch.detection.activity_fields import UNKNOWN_TO_STATE
from auditwatch.detection.change_operators import ChangeOptions, change_predicate
from auditwatch.detection.condition import NEVER_KNOWN, NOTHING, Condition, Holds
from auditwatch.detection.fields import Element, Field, FieldError, Reader, compile_field
from auditwatch.detection.operators import NEGATED, OperandError, Predicate, value_predicate
from auditwatch.detection.report import Report
from auditwatch.detection.scope import Scope
from auditwatch.detection.texts import plain
from auditwatch.detection.values import MISSING, UNKNOWN

_OPEN_TO_SOURCES: Final = ("event.", "request.query.")


@dataclass(frozen=True, slots=True)
class Names:
    """What a rule may name: lists and macros, those of its pack with those of the watch."""

    lists: Mapping[str, tuple[str, ...]]
    macros: Mapping[str, tuple[FieldTest, ...]]


def compile_test(test: FieldTest, names: Names, report: Report, *, element: Element = "") -> Condition:
    """The condition of a test; problems go to ``report``, and what cannot be compiled is never known."""
    if test.field is None or test.operator is None:
        report.error("a test has both: set field and operator")
        return NEVER_KNOWN
    field = _field(test.field, report.at("field"), element)
    if field is None:
        return NEVER_KNOWN
    try:
        holds = _holds(test, field, names, report, element=element)
    except OperandError as error:
        report.at("values" if test.values else "operator").error(str(error))
        return NEVER_KNOWN
    return NEVER_KNOWN if holds is None else Condition(holds, _needs(test, field), _bodies(test, field))


def _field(name: str, report: Report, element: Element) -> Field | None:
    try:
        return compile_field(name, element=element)
    except FieldError as error:
        report.error(str(error))
        return None


def _needs(test: FieldTest, field: Field) -> frozenset[str]:
    hidden = field.name in UNKNOWN_TO_STATE or field.name.startswith(_OPEN_TO_SOURCES)
    return frozenset({field.name}) if hidden and test.operator != "IsUnknown" else NOTHING


def _bodies(test: FieldTest, field: Field) -> frozenset[str]:
    """The field; and ``changes`` where what it was before is asked as well."""
    if not field.is_of_body or test.operator == "IsUnknown":
        return NOTHING
    is_change = test.operator is not None and SHAPES[test.operator].subject == "Change"
    return frozenset({field.name, "changes"} if is_change else {field.name})


def _holds(test: FieldTest, field: Field, names: Names, report: Report, *, element: Element) -> Holds | None:
    operator = test.operator or ""
    if operator in _PRESENCE:
        return _PRESENCE[operator](field)
    is_change = SHAPES[operator].subject == "Change"
    if test.value_from is not None:
        return _dynamic(test, operator, field, report, element)
    operands = _operands(test, names, report)
    if operands is None:
        return None
    if is_change:
        return _change_test(test, operator, field, operands, report)
    if field.name == "$" and element == "Change":
        report.error(f"{operator} compares a value, and $ is a change here: test $.old, $.new or $.path")
        return None
    positive = NEGATED.get(operator, operator)
    return _static(field.read, value_predicate(positive, operands, test.order or ()), negated=operator in NEGATED)


def _operands(test: FieldTest, names: Names, report: Report) -> Sequence[str] | None:
    if test.list_name is None:
        return test.values or ()
    values = names.lists.get(test.list_name)
    if values is None:
        report.at("list").missing("list", test.list_name, nearest(test.list_name, names.lists))
    return values


def _static(read: Reader, predicate: Predicate, *, negated: bool) -> Holds:
    def holds(scope: Scope, element: object) -> bool | None:
        value = read(scope, element)
        if value is UNKNOWN:
            return None
        if value is MISSING:
            return negated
        return predicate(value, scope.activity.time) is not negated

    return holds


def _dynamic(test: FieldTest, operator: str, field: Field, report: Report, element: Element) -> Holds | None:
    """The operand is another field's value: the predicate is made anew for each."""
    other = _field(test.value_from or "", report.at("valueFrom"), element)
    if other is None or SHAPES[operator].subject == "Change":
        if other is not None:
            report.at("valueFrom").error(f"{operator} takes no valueFrom: write values")
        return None
    positive, negated, order = NEGATED.get(operator, operator), operator in NEGATED, test.order or ()

    def holds(scope: Scope, item: object) -> bool | None:
        operand = other.read(scope, item)
        if operand is UNKNOWN:
            return None
        if operand is MISSING:
            return None if field.read(scope, item) is UNKNOWN else negated
        texts = [plain(value) for value in operand] if isinstance(operand, list | tuple) else [plain(operand)]
        try:
            predicate = value_predicate(positive, texts, order)
        except OperandError:
            return negated  # not comparable with anything: the positive operator does not hold
        return _static(field.read, predicate, negated=negated)(scope, item)

    return holds


def _change_test(test: FieldTest, operator: str, field: Field, operands: Sequence[str], report: Report) -> Holds | None:
    pair = field.pair
    if pair is None:
        report.at("field").error(
            f"{operator} needs a before and an after: use object.…, or $ in a forAny over changes, not {field.name}"
        )
        return None
    predicate = change_predicate(
        operator,
        ChangeOptions(
            operands=operands,
            percent=test.percent or 0,
            order=test.order or (),
            missing_as=test.missing_as,
            named=field.name == "$",
        ),
    )
    return lambda scope, element: predicate(pair(scope, element))


def _exists(field: Field) -> Holds:
    def holds(scope: Scope, element: object) -> bool | None:
        value = field.read(scope, element)
        return None if value is UNKNOWN else value is not MISSING

    return holds


def _does_not_exist(field: Field) -> Holds:
    exists = _exists(field)

    def holds(scope: Scope, element: object) -> bool | None:
        there = exists(scope, element)
        return None if there is None else not there

    return holds


def _is_unknown(field: Field) -> Holds:
    return lambda scope, element: field.read(scope, element) is UNKNOWN


_PRESENCE: Final = {"Exists": _exists, "DoesNotExist": _does_not_exist, "IsUnknown": _is_unknown}
