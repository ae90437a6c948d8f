"""An intruder who makes many incidents fills one roll-up and not the API server, and hides nothing by it."""

from __future__ import annotations

from auditwatch.findings import rendering
from auditwatch.findings.forgetting import Told
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.state import FindingState
from tests.unit.findings.making import START, WATCH, ledger, only, signal, states

CAP = 3


def capped(**policy: object) -> Ledger:
    book = ledger()
    book.configure(WATCH, FindingPolicy(max_per_rule=CAP, **policy))  # type: ignore[arg-type]  # by keyword
    return book


def roll_up(found: list[FindingState]) -> FindingState:
    (state,) = [state for state in found if state.folded_since is not None]
    return state


def test_incidents_beyond_the_cap_are_folded_into_one_and_all_counted() -> None:
    book = capped()
    book.apply([signal(index, name=f"policy-{index}", after=index) for index in range(1, 11)])

    found = states(book)
    assert len(found) == CAP + 1
    assert sum(state.count for state in found) == 10
    folded = roll_up(found)
    assert (folded.count, folded.target_count, folded.folded_since) == (7, 7, START + 4)
    assert book.folded == 7


def test_a_roll_up_says_what_it_is_and_since_when() -> None:
    book = capped()
    book.apply([signal(index, name=f"policy-{index}") for index in range(1, 6)])

    folded = roll_up(states(book))
    assert rendering.title(folded).startswith(
        "retention-cut: incidents beyond the cap, folded; the latest: retention of"
    )
    text = rendering.description(folded)
    assert "Rule retention-cut has 3 incidents open" in text
    assert "since 2027-01-15T08:00:00Z is counted here, so far 2 activities on 2 objects" in text
    assert rendering.manifest(folded)["spec"]["target"] == {}


def test_what_was_open_before_the_cap_still_counts_in_its_own_incident() -> None:
    book = capped()
    book.apply([signal(index, name=f"policy-{index}") for index in range(1, 6)])
    book.take_dirty()
    book.apply([signal(9, name="policy-1", after=9)])

    assert only(book).count == 2


def test_a_folded_target_that_acts_again_is_counted_again_and_listed_once() -> None:
    book = capped()
    book.apply([signal(index, name=f"policy-{index}") for index in range(1, 5)])
    book.apply([signal(8, name="policy-4", after=8)])

    folded = roll_up(states(book))
    assert (folded.count, folded.target_count) == (2, 1)


def test_a_replay_is_not_folded_twice() -> None:
    book = capped()
    signals = [signal(index, name=f"policy-{index}") for index in range(1, 8)]
    book.apply(signals)
    book.take_dirty()
    book.apply(signals)

    assert book.take_dirty() == {}


def test_critical_incidents_have_room_of_their_own() -> None:
    book = capped()
    book.apply([signal(index, name=f"high-{index}") for index in range(1, 9)])
    book.apply([signal(10 + index, name=f"critical-{index}", severity="Critical") for index in range(2 * CAP + 1)])

    own = [state for state in states(book) if state.folded_since is None]
    assert [state.severity for state in own].count("Critical") == 2 * CAP
    assert [state.severity for state in own].count("High") == CAP


def test_hidden_incidents_do_not_crowd_out_those_that_show() -> None:
    book = capped(min_severity="High")
    book.apply([signal(index, name=f"low-{index}", severity="Low") for index in range(1, 20)])
    book.apply([signal(30, name="bad", severity="High")])

    shown = [state for state in states(book) if state.shown]
    assert [(state.severity, state.folded_since) for state in shown] == [("High", None)]


def test_an_incident_that_becomes_critical_makes_room_for_another() -> None:
    book = capped()
    book.apply([signal(index, name=f"policy-{index}") for index in range(1, CAP + 1)])
    book.apply([signal(8, name="policy-1", severity="Critical"), signal(9, name="new")])

    assert all(state.folded_since is None for state in states(book))


def test_room_comes_back_when_incidents_are_over() -> None:
    book = capped(reopen_after_seconds=100)
    book.apply([signal(index, name=f"policy-{index}") for index in range(1, CAP + 2)])
    book.apply([signal(20, name="later", after=101)])

    (later,) = [state for state in states(book) if state.target and state.target.name == "later"]
    assert later.folded_since is None


def test_an_incident_that_went_on_keeps_its_room() -> None:
    book = capped(reopen_after_seconds=100)
    book.apply([signal(index, name=f"policy-{index}") for index in range(1, CAP + 1)])
    book.apply([signal(10 + index, name=f"policy-{index}", after=90) for index in range(1, CAP + 1)])
    book.apply([signal(20, name="later", after=150)])

    assert roll_up(states(book)).count == 1


def test_caps_are_per_rule() -> None:
    book = capped()
    book.apply([signal(index, name=f"policy-{index}") for index in range(1, 9)])
    book.apply([signal(20, rule="policy-paused")])

    (paused,) = [state for state in states(book) if state.rule == "policy-paused"]
    assert paused.folded_since is None


def test_a_restored_ledger_knows_how_much_room_is_taken() -> None:
    book = capped()
    book.apply([signal(index, name=f"policy-{index}") for index in range(1, CAP + 1)])
    again = capped()
    again.restore([(key, row) for key, row in book.take_dirty().items() if row is not None])
    again.apply([signal(9, name="one-more")])

    assert roll_up(states(again)).count == 1


def test_a_roll_up_rises_to_the_worst_of_what_it_holds() -> None:
    book = capped(min_severity="Medium")
    book.apply([signal(index, name=f"policy-{index}", severity="Medium") for index in range(1, 6)])
    book.apply([signal(9, name="worse", severity="High")])

    assert roll_up(states(book)).severity == "High"


def test_forgetting_incidents_gives_their_room_back() -> None:
    book = capped()
    book.apply([signal(index, name=f"policy-{index}") for index in range(1, CAP + 1)])
    told = {state.key: state.revision for state in states(book)}
    book.forget(Told(told), before=START + 90_000)
    book.apply([signal(20, name="new", after=1)])

    (new,) = [state for state in states(book) if state.target and state.target.name == "new"]
    assert new.folded_since is None
