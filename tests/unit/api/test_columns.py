"""Shortened actors and targets: never wider than their column, and still telling."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditwatch.api.columns import short_actor, short_target
from auditwatch.api.findingstatus import Summary
from auditwatch.api.problems import validate


@pytest.mark.parametrize(
    ("identity", "manager", "shown"),
    [
        ("jane@example.com", "", "jane@example.com"),
        ("jane.elisabeth.doe@example.com", "", "jane.elisabeth.doe@…"),
        ("system:serviceaccount:ci:deploy", "", "ci/deploy"),
        ("system:serviceaccount:argocd:argocd-application-controller", "", "…lication-controller"),
        ("", "kubectl-edit", "kubectl-edit?"),
        ("", "", "unknown"),
        ("jane", "kubectl-edit", "jane"),
    ],
)
def test_an_actor_is_shown_by_what_tells_it_apart(identity: str, manager: str, shown: str) -> None:
    assert short_actor(identity, manager=manager) == shown


@pytest.mark.parametrize(
    ("resource", "name", "shown"),
    [
        ("policies", "daily-backup", "policies/daily-backup"),
        ("restorepointcontents", "shop-scheduled-2fkx8", "…ntents/shop-scheduled-2fkx8"),
        ("secrets", "", "secrets"),
    ],
)
def test_a_target_keeps_its_end(resource: str, name: str, shown: str) -> None:
    assert short_target(resource, name) == shown


@settings(deadline=None)
@given(st.text(), st.text(), st.text(), st.text())
def test_whatever_it_is_it_fits_the_schema(identity: str, manager: str, resource: str, name: str) -> None:
    summary = {"actor": short_actor(identity, manager=manager), "target": short_target(resource, name)}
    assert validate(Summary, summary)[1] == []
