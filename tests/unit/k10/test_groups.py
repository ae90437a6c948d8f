"""K10's groups in its documented API domain and in one of its own."""

import pytest

from auditwatch.k10.groups import DOCUMENTED_DOMAIN, documented, family, in_domain, is_built_in, namespaced_domain

OWN = "kio.backup.k10"


def test_a_namespaced_api_has_dots_where_its_namespace_has_dashes() -> None:
    assert namespaced_domain("backup-k10") == OWN


@pytest.mark.parametrize(
    ("written", "served"),
    [
        ("config.kio.kasten.io", "config.kio.backup.k10"),
        ("policies.config.kio.kasten.io", "policies.config.kio.backup.k10"),
        ("v1alpha1.apps.kio.kasten.io", "v1alpha1.apps.kio.backup.k10"),
    ],
)
def test_groups_and_names_that_end_in_one_are_served_in_the_domain(written: str, served: str) -> None:
    assert in_domain(written, OWN) == served
    assert documented(served, OWN) == written


@pytest.mark.parametrize("group", ["", "apps", "cr.kanister.io", "apik10.kasten.io", "kio.kasten.io.example.org"])
def test_other_groups_are_as_they_are(group: str) -> None:
    assert in_domain(group, OWN) == group
    assert documented(group, OWN) == group


def test_the_documented_domain_changes_nothing() -> None:
    assert in_domain("apps.kio.kasten.io", DOCUMENTED_DOMAIN) == "apps.kio.kasten.io"


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("apps.kio.kasten.io", "apps"),
        ("vault.kio.backup.k10", "vault"),
        ("apps", ""),
        ("", ""),
        ("cr.kanister.io", ""),
        ("policies.config.kio.kasten.io", ""),
    ],
)
def test_the_family_of_a_group_is_what_stands_before_the_domain(group: str, expected: str) -> None:
    assert family(group) == expected


@pytest.mark.parametrize(
    "group",
    ["", "apps", "rbac.authorization.k8s.io", "config.kio.backup.k10", "datamover.kio.backup.k10", "cr.kanister.io"],
)
def test_what_the_api_server_stores_itself_is_built_in(group: str) -> None:
    assert is_built_in(group, OWN)


@pytest.mark.parametrize(
    "group", ["apps.kio.backup.k10", "vault.kio.backup.k10", "config.kio.other", "metrics.k8s.io", "example.com"]
)
def test_what_somebody_else_serves_is_not(group: str) -> None:
    assert not is_built_in(group, OWN)
