"""Which group has which resource: what pairs a rule's groups with its resources, and rules out nothing unknown."""

from __future__ import annotations

import pytest

from auditwatch.api.match import Match
from auditwatch.detection.matching import compile_selector
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import NEVER_WATCHED, WATCHED_KINDS
from auditwatch.k10.served import has_resource
from auditwatch.k10.view import EveryK10, InstalledK10

DOMAIN = "kio.kasten.io"


def test_what_the_operator_watches_and_what_it_never_reads_is_known() -> None:
    assert [kind.key for kind in WATCHED_KINDS if has_resource(kind.group, kind.resource, DOMAIN) is not True] == []
    groups = ("", "vault.kio.kasten.io", "actions.kio.kasten.io")
    assert [name for name in NEVER_WATCHED if not any(has_resource(group, name, DOMAIN) for group in groups)] == []


@pytest.mark.parametrize(
    ("group", "resource", "known"),
    [
        ("apps", "deployments", True),
        ("apps", "deployments/scale", True),
        ("apps", "jobs", False),
        ("", "cronjobs", False),
        ("cr.kanister.io", "profiles", True),
        ("cr.kanister.io", "policies", False),
        ("config.kio.kasten.io", "blueprints", False),
        ("example.com", "policies", None),
        ("extensions", "deployments", None),
        ("config.kio.backup", "policies", None),
    ],
)
def test_a_group_that_is_known_has_some_and_of_others_nothing_is_said(
    group: str, resource: str, *, known: bool | None
) -> None:
    assert has_resource(group, resource, DOMAIN) is known
    assert InstalledK10().serves(group, resource) is known


def test_a_k10_with_an_api_domain_of_its_own_is_known_by_that() -> None:
    backup = K10Instance(api_domain="kio.backup")
    for view in (InstalledK10(backup), EveryK10([backup])):
        assert view.serves("config.kio.backup", "policies") is True


@pytest.mark.parametrize(
    ("groups", "resources", "kinds"),
    [
        (["apps", "batch"], ["jobs", "deployments"], {("batch", "jobs"), ("apps", "deployments")}),
        (["", "events.k8s.io"], ["events"], {("", "events"), ("events.k8s.io", "events")}),
        (["apps"], ["jobs"], {("apps", "jobs")}),
        (["apps", "batch"], ["widgets"], {("apps", "widgets"), ("batch", "widgets")}),
        (["apps", "example.com"], ["deployments"], {("apps", "deployments"), ("example.com", "deployments")}),
        (["apps", "*.io"], ["deployments", "*/scale"], {("apps", "deployments")}),
        (
            ["config.kio.kasten.io", "cr.kanister.io"],
            ["policies", "profiles"],
            {("config.kio.b", "policies"), ("config.kio.b", "profiles"), ("cr.kanister.io", "profiles")},
        ),
    ],
)
def test_a_resource_stands_with_the_groups_that_have_it_and_with_all_where_none_is_known_to(
    groups: list[str], resources: list[str], kinds: set[tuple[str, str]]
) -> None:
    match = Match.model_validate({"apiGroups": groups, "resources": resources})
    selector = compile_selector(match, InstalledK10(K10Instance(api_domain="kio.b")))
    assert set(selector.kinds) == kinds
    assert len(selector.kinds) == len(kinds)


def test_what_a_rule_matches_is_not_what_is_known_of_it() -> None:
    """A kind that comes with a later version is found all the same."""
    selector = compile_selector(
        Match.model_validate({"apiGroups": ["apps", "batch"], "resources": ["jobs"]}), InstalledK10()
    )
    assert selector.fits_group("apps")
    assert selector.fits_resource("jobs")
