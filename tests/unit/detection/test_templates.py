"""Titles and descriptions: filled with what was seen, safe to show, never too long."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.scope import Scope
from auditwatch.detection.templates import TemplateError, compile_template
from auditwatch.events.activity import Activity, Actor, Impersonator

from .building import K10, altered, change, spec

ROW = change(spec(retention={"daily": 30}), spec(retention={"daily": 0}))


def _rendered(text: str, activity: Activity = ROW) -> str:
    return compile_template(text)(Scope(activity, K10))


def test_fields_are_put_in() -> None:
    assert _rendered("{request.verb} of {target.name} in {target.namespace}") == "update of daily in kasten-io"


def test_what_nobody_saw_reads_unknown_and_what_is_not_there_none() -> None:
    assert _rendered("{actor.id} / {object.spec.frequency}") == "unknown / none"


def test_changes_are_summarised_with_both_values() -> None:
    assert _rendered("{changes}") == "spec.retention.daily: 30 → 0"


def test_many_changes_are_counted() -> None:
    row = change({}, {"spec": dict.fromkeys("abcde", 1)})
    assert _rendered("{changes}", row) == "spec.a: none → 1; spec.b: none → 1; spec.c: none → 1; … (2 more)"


def test_changes_nobody_saw_are_unknown_and_none_are_none() -> None:
    assert _rendered("{changes}", altered(ROW, old_object=msgspec.UNSET)) == "unknown changes"
    assert _rendered("{changes}", change(spec(), spec())) == "no changes"


def test_a_values_controls_are_escaped_and_its_length_is_cut() -> None:
    row = altered(ROW, actor=Actor(id="eve\x1b[2J\u202e" + "x" * 500))
    title = _rendered("{actor.id} did it", row)
    assert title.startswith("eve\\x1b[2J\\u202exxx")
    assert title.endswith("… did it")


def test_doubled_braces_are_braces() -> None:
    assert _rendered("{{{target.name}}}") == "{daily}"


def test_a_value_that_looks_like_a_template_is_not_filled_in() -> None:
    assert _rendered("{actor.id}", altered(ROW, actor=Actor(id="{target.name}"))) == "{target.name}"


def test_a_count_is_one_outside_of_a_story() -> None:
    assert _rendered("{count}") == "1"
    assert compile_template("{count}")(Scope(ROW, K10, count=12)) == "12"


@pytest.mark.parametrize(
    "text", ["{actor.idd}", "{", "}", "{target.name", "{}", "a } b", "{$.path}", "{: }", "{:target.name}"]
)
def test_a_template_that_cannot_be_filled_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        compile_template(text)


@given(st.text(max_size=400))
def test_a_title_is_never_longer_than_its_field(name: str) -> None:
    assert len(_rendered("{actor.id} {actor.id} {actor.id} {actor.id}", altered(ROW, actor=Actor(id=name)))) <= 256


def test_who_acted_is_named_where_it_is_known_and_else_nothing_is_said() -> None:
    assert _rendered("{target.name} was paused{by}") == "daily was paused"
    assert _rendered("{target.name} was paused{by}", altered(ROW, actor=Actor(id="eve"))) == "daily was paused by eve"


def test_a_tail_is_shown_where_there_is_something_to_say_and_else_the_title_ends_before_it() -> None:
    text = "{target.name} was cut{by}{: object.spec.retention.daily}"

    assert _rendered(text) == "daily was cut: 0"
    assert _rendered(text, altered(ROW, object=msgspec.UNSET)) == "daily was cut"
    assert _rendered("cut{: object.spec.frequency}") == "cut"
    assert _rendered("cut{: actor.id}", altered(ROW, actor=Actor(id="a\nb"))) == "cut: a\\nb"


def test_who_took_somebody_elses_name_is_named_too_and_a_dashboard_is_not() -> None:
    behind = Actor(id="jane", via="Impersonation", impersonator=Impersonator(id="eve"))
    assert _rendered("paused{by}", altered(ROW, actor=behind)) == "paused by jane (in fact eve)"
    shown = msgspec.structs.replace(behind, via="K10Dashboard")
    assert _rendered("paused{by}", altered(ROW, actor=shown)) == "paused by jane"


def test_a_request_for_all_objects_is_shown_with_a_star_for_their_name() -> None:
    every = altered(ROW, target=msgspec.structs.replace(ROW.target, name=""))
    assert _rendered("{target.namespace}/{target.name}", every) == "kasten-io/*"


@pytest.mark.parametrize(
    ("names", "shown"), [(("daily",), "daily"), (("daily", "weekly"), "*"), ((), "*"), (None, "*")]
)
def test_one_that_is_known_to_have_been_about_one_object_is_shown_with_its_name(
    names: tuple[str, ...] | None, shown: str
) -> None:
    many = altered(ROW, target=msgspec.structs.replace(ROW.target, name="", names=names))
    assert _rendered("{target.name}", many) == shown
