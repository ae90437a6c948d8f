"""What the state source reports becomes what a person asks: alive or not, seen or blind, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from auditwatch.api.conditions import Reason
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.sight import PROOF_SECONDS, kind_figures, kind_view, sources_view, state_figures
from auditwatch.sources.state.course import State
from auditwatch.sources.state.report import KindReport

NOON = 1_790_000_000.0
POLICIES = KindReport(
    kind="config.kio.kasten.io/policies",
    group="config.kio.kasten.io",
    resource="policies",
    state="Watching",
    last_proof_of_life=NOON - 1,
    objects=3,
    lag=1.0,
)
FORBIDDEN = replace(
    POLICIES,
    kind="pods",
    group="",
    resource="pods",
    state="Forbidden",
    message="may not watch pods: grant it",
    last_proof_of_life=None,
)
NONE: frozenset[str] = frozenset()
K10S = (K10Instance(),)


def test_a_watched_kind_with_a_fresh_proof_of_life_is_seen() -> None:
    assert kind_view(POLICIES, now=NOON).availability == "Watched"
    assert kind_view(replace(POLICIES, state="Polling"), now=NOON).availability == "Polled"


def test_a_kind_silent_for_too_long_is_not_seen() -> None:
    silent = replace(POLICIES, last_proof_of_life=NOON - PROOF_SECONDS - 1)

    assert kind_view(silent, now=NOON).availability == "Unavailable"


def test_a_list_made_again_does_not_blind_a_kind_seen_a_moment_ago() -> None:
    assert kind_view(replace(POLICIES, state="Listing"), now=NOON).availability == "Watched"


def test_a_refusal_names_the_verb_that_is_missing() -> None:
    view = kind_view(FORBIDDEN, now=NOON)

    assert (view.availability, view.verb) == ("Forbidden", "watch")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_namespaces_of_one_kind_the_worse_counts(order: tuple[int, int]) -> None:
    reports = [
        replace(POLICIES, namespace="a"),
        replace(POLICIES, namespace="b", state="Unavailable", last_proof_of_life=None),
    ]
    view = sources_view([reports[index] for index in order], instances=K10S, now=NOON)

    assert view.kinds["config.kio.kasten.io", "policies"].availability == "Unavailable"


def test_a_source_whose_kinds_are_all_alive_is_live() -> None:
    figures = state_figures("state", [POLICIES], instances=K10S, optional=NONE, now=NOON)

    assert (figures.state, figures.reason, figures.message) == ("Live", None, "")
    assert figures.last_proof_of_life == NOON - 1
    assert figures.lag_seconds == 1


def test_one_missing_right_degrades_the_source_and_is_named() -> None:
    figures = state_figures("state", [POLICIES, FORBIDDEN], instances=K10S, optional=NONE, now=NOON)

    assert (figures.state, figures.reason) == ("Degraded", Reason.WATCH_FORBIDDEN)
    assert figures.message.startswith("no right to watch pods: upgrade the Helm release")


def test_a_source_that_sees_nothing_is_unavailable() -> None:
    assert state_figures("state", [FORBIDDEN], instances=K10S, optional=NONE, now=NOON).state == "Unavailable"


def test_a_source_is_starting_until_every_first_list_is_read() -> None:
    fresh = replace(POLICIES, state="Listing", last_proof_of_life=None)

    assert state_figures("state", [POLICIES, fresh], instances=K10S, optional=NONE, now=NOON).state == "Starting"
    assert state_figures("state", [], instances=K10S, optional=NONE, now=NOON).state == "Starting"


def test_an_optional_kind_that_is_not_served_is_no_fault() -> None:
    absent = replace(
        POLICIES, kind="x/absent", resource="absent", state="NotServed", message="no such kind", last_proof_of_life=None
    )

    assert (
        state_figures("state", [POLICIES, absent], instances=K10S, optional=frozenset({"x/absent"}), now=NOON).state
        == "Live"
    )
    assert state_figures("state", [POLICIES, absent], instances=K10S, optional=NONE, now=NOON).state == "Degraded"


def test_a_cluster_without_k10_is_told_so_before_the_rights_in_its_namespace() -> None:
    absent = replace(POLICIES, state="NotServed", message="404", last_proof_of_life=None)
    others = [replace(absent, kind=f"kind{number}", resource="x") for number in range(9)]
    figures = state_figures("state", [FORBIDDEN, absent, *others], instances=K10S, optional=NONE, now=NOON)

    assert figures.reason == Reason.UNKNOWN_K10
    assert figures.message == (
        "the cluster does not serve config.kio.kasten.io/policies, kind0, kind1, kind2, kind3, and 5 more: "
        "is K10 installed and running?; "
        "no right to watch pods: upgrade the Helm release with rbac.create: true, or apply manifests/rbac-k10.yaml"
    )


def test_a_long_list_of_troubles_is_cut_and_counted() -> None:
    many = [replace(FORBIDDEN, kind=f"kind{number}", state="Unavailable") for number in range(9)]
    figures = state_figures("state", [POLICIES, *many], instances=K10S, optional=NONE, now=NOON)

    assert figures.message.endswith("and 4 more")


def test_metrics_show_the_worst_of_the_namespaces_of_a_kind() -> None:
    lost = replace(POLICIES, namespace="a", state="Unavailable", lag=300.0, unreadable=1)
    (figures,) = kind_figures([lost, replace(POLICIES, namespace="b", unreadable=2)], instances=K10S)

    assert (figures.state, figures.silent_seconds, figures.unreadable) == ("Unavailable", 300.0, 3)


@pytest.mark.parametrize("state", get_args(State))
def test_every_state_has_its_place_from_good_to_bad(state: State) -> None:
    (figures,) = kind_figures([POLICIES, replace(POLICIES, namespace="b", state=state)], instances=K10S)

    assert figures.state == state


def test_metrics_add_up_the_namespaces_of_a_kind() -> None:
    figures = kind_figures(
        [replace(POLICIES, namespace="a"), replace(POLICIES, namespace="b", objects=4)], instances=K10S
    )

    assert [(each.kind, each.objects) for each in figures] == [("config.kio.kasten.io/policies", 7)]


UNBOUND = [
    replace(FORBIDDEN, kind=kind, resource=kind, namespace="kasten-io-mc", message=f"list {kind}: 403")
    for kind in ("pods", "configmaps")
]
PODS = replace(POLICIES, kind="pods", group="", resource="pods", namespace="kasten-io")
FIX = (
    "no right to list pods, list configmaps in namespace kasten-io-mc: set `k10s[0].multicluster: true` beside "
    "`namespace: kasten-io` in the chart's values, or apply manifests/rbac-multicluster.yaml"
)


def test_a_multicluster_namespace_that_is_not_bound_is_one_sentence_with_the_fix_and_no_failure() -> None:
    figures = state_figures("state", [PODS, *UNBOUND], instances=K10S, optional=NONE, now=NOON)

    assert (figures.state, figures.reason, figures.message) == ("Live", Reason.WATCH_FORBIDDEN, FIX)
    assert figures.lag_seconds == 1


def test_k10s_own_namespace_that_is_not_bound_is_one_sentence_and_a_failure() -> None:
    refused = [replace(each, namespace="kasten-io") for each in UNBOUND]
    figures = state_figures("state", [POLICIES, *refused], instances=K10S, optional=NONE, now=NOON)

    assert (figures.state, figures.reason) == ("Degraded", Reason.WATCH_FORBIDDEN)
    assert figures.message == (
        "no right to list pods, list configmaps in namespace kasten-io: name the namespace in k10s of the chart's "
        "values, or apply manifests/rbac-k10.yaml in it"
    )


def test_a_namespace_that_is_one_k10s_own_and_another_ones_second_is_not_optional() -> None:
    both = (K10Instance(), K10Instance(name="other", namespace="kasten-io-mc"))

    assert state_figures("state", [PODS, *UNBOUND], instances=both, optional=NONE, now=NOON).state == "Degraded"


def test_of_several_k10s_the_one_to_set_it_for_is_not_guessed() -> None:
    several = (K10Instance(), K10Instance(name="other", namespace="other"))
    figures = state_figures("state", [PODS, *UNBOUND], instances=several, optional=NONE, now=NOON)

    assert "set `multicluster: true` in one item of `k10s` in the chart's values" in figures.message


def test_a_kind_that_is_not_seen_in_the_multicluster_namespace_alone_is_seen_in_part() -> None:
    views = sources_view([*UNBOUND, PODS], instances=K10S, now=NOON).kinds

    assert views["", "pods"].availability == "Watched"
    assert views["", "pods"].unseen.startswith("no right to list pods in namespace kasten-io-mc: set `k10s[0]")
    assert views["", "configmaps"].availability == "Forbidden"


def test_a_kind_is_said_to_be_looked_for_in_the_namespaces_it_is_listed_in() -> None:
    views = sources_view([POLICIES, PODS, UNBOUND[0]], instances=K10S, now=NOON).kinds

    assert views["", "pods"].namespaces == ("kasten-io", "kasten-io-mc")
    assert views[POLICIES.group, "policies"].namespaces == ()


def test_what_is_not_bound_raises_no_alert() -> None:
    (figures,) = kind_figures([PODS, UNBOUND[0]], instances=K10S)

    assert figures.state == "Watching"
