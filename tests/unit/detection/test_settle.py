"""The joiner in its simplest form: one record, one row, and nothing claimed that was not seen."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.settle import event_time, settle
from auditwatch.events.activity import Activity, Actor, Gap, LogRow, Record, StateChange, Target
from auditwatch.events.keys import state_change_key

UPDATE = StateChange(
    cluster="c",
    group="config.kio.kasten.io",
    version="v1alpha1",
    resource="policies",
    namespace="kasten-io",
    name="daily",
    uid="u1",
    verb="update",
    old={"spec": {"paused": False}},
    new={"spec": {"paused": True}},
    old_version="10",
    new_version="11",
    not_before=100.0,
    observed=110.0,
    changed=105.0,
    manager="kubectl-edit",
)


def settled(**differences: object) -> Activity:
    row = settle(msgspec.structs.replace(UPDATE, **differences))
    assert isinstance(row, Activity)
    return row


def test_an_update_becomes_one_activity_with_both_sides_of_it() -> None:
    assert settle(UPDATE) == Activity(
        key=state_change_key(UPDATE),
        time=105.0,
        not_before=100.0,
        cluster="c",
        source="state",
        evidence="State",
        attribution="FieldManager",
        outcome="Succeeded",
        verb="update",
        actor=Actor(manager="kubectl-edit"),
        target=Target(
            group="config.kio.kasten.io",
            version="v1alpha1",
            resource="policies",
            namespace="kasten-io",
            name="daily",
            uid="u1",
            count=1,
        ),
        object={"spec": {"paused": True}},
        old_object={"spec": {"paused": False}},
    )


def test_a_field_manager_is_a_hint_and_never_an_identity() -> None:
    row = settled(manager="system:admin")

    assert (row.actor.id, row.actor.name, row.actor.manager) == ("", "", "system:admin")
    assert row.attribution == "FieldManager"


def test_a_change_nobody_signed_is_attributed_to_nobody() -> None:
    row = settled(manager="")

    assert (row.attribution, row.actor) == ("Unknown", Actor())


def test_a_created_object_had_no_side_before() -> None:
    row = settled(verb="create", old=None, old_version="")

    assert (row.verb, row.old_object, row.object) == ("create", None, {"spec": {"paused": True}})


def test_a_deleted_object_has_no_side_after() -> None:
    row = settled(verb="delete", new=None)

    assert (row.verb, row.object, row.old_object) == ("delete", None, {"spec": {"paused": False}})


def test_a_deleted_object_has_no_side_after_even_where_its_last_state_was_sent_along() -> None:
    assert settled(verb="delete").object is None


def test_the_last_writer_is_not_blamed_for_a_deletion() -> None:
    row = settled(verb="delete", new=None)

    assert (row.attribution, row.actor) == ("Unknown", Actor())


def test_a_side_nobody_saw_is_unknown_and_not_absent() -> None:
    assert settled(old=None).old_object is msgspec.UNSET
    assert settled(new=None).object is msgspec.UNSET
    assert settled(verb="delete", old=None).old_object is msgspec.UNSET


def test_a_gap_passes_as_it_is() -> None:
    gap = Gap(cluster="c", source="state", subject="policies", reason="HistoryLost", message="m", start=1.0, end=2.0)

    assert settle(gap) is gap


@pytest.mark.parametrize(
    ("not_before", "changed", "observed", "time"),
    [
        (100.0, 105.0, 110.0, 105.0),
        (100.0, 100.0, 110.0, 100.0),
        (100.0, 110.0, 110.0, 110.0),
        (100.0, None, 110.0, 110.0),
        (None, 105.0, 110.0, 105.0),
        (None, None, 110.0, 110.0),
    ],
)
def test_the_servers_time_counts_where_it_lies_within_the_observations(
    not_before: float | None, changed: float | None, observed: float, time: float
) -> None:
    assert settled(not_before=not_before, changed=changed, observed=observed).time == time


@pytest.mark.parametrize("changed", [50.0, 98.9, 99.0, 110.1, 4e9])
def test_a_time_outside_the_observations_is_another_changes_time(changed: float) -> None:
    assert settled(changed=changed).time == 110.0


def test_a_time_the_server_cut_to_its_second_is_moved_into_the_observations() -> None:
    assert settled(not_before=100.4, changed=100.0).time == 100.4


@given(
    not_before=st.none() | st.floats(0, 1000),
    changed=st.none() | st.floats(-1000, 3000),
    waited=st.floats(0, 1000),
)
def test_a_change_never_happened_outside_what_was_observed(
    not_before: float | None, changed: float | None, waited: float
) -> None:
    observed = (not_before or 0.0) + waited
    change = msgspec.structs.replace(UPDATE, not_before=not_before, changed=changed, observed=observed)
    time = event_time(change)

    assert time <= observed
    assert not_before is None or time >= not_before


@pytest.mark.parametrize("record", [UPDATE, msgspec.structs.replace(UPDATE, verb="delete", new=None)])
def test_a_row_is_the_same_after_a_way_through_the_journal(record: StateChange) -> None:
    stored = msgspec.json.encode(record)
    row = settle(msgspec.json.decode(stored, type=Record))

    assert msgspec.json.decode(msgspec.json.encode(row), type=LogRow) == settle(record)


def test_an_earlier_writer_is_not_blamed_for_a_change_that_left_no_entry() -> None:
    row = settled(manager="helm", changed=1_000.0, not_before=2_000.0, observed=2_001.0)

    assert (row.actor.manager, row.attribution) == ("", "Unknown")


def test_the_server_cuts_its_time_so_a_writer_within_the_second_is_still_hinted_at() -> None:
    row = settled(manager="kubectl-patch", changed=2_000.0, not_before=2_000.9, observed=2_001.0)

    assert (row.actor.manager, row.attribution) == ("kubectl-patch", "FieldManager")


def test_who_signed_with_a_time_that_has_not_come_is_not_blamed() -> None:
    row = settled(manager="helm", changed=4e9)

    assert (row.actor.manager, row.attribution) == ("", "Unknown")
