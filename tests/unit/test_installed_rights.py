"""That the proof of rights on a node can fail: what is given and not used, or asked for and not given, is named."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.e2e import forms, rights
from tests.e2e.release import CHART
from tests.e2e.rights import Asked, Grant

ROLES = """\
kind: ClusterRole
metadata: {name: reader}
rules:
- {apiGroups: [""], resources: [pods], verbs: [list, watch]}
- {apiGroups: [""], resources: [pods/log], verbs: [get]}
---
kind: RoleBinding
metadata: {name: reader, namespace: kasten-io}
roleRef: {kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: operator, namespace: ours}]
---
kind: Role
metadata: {name: own, namespace: ours}
rules:
- {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [one], verbs: [update]}
---
kind: RoleBinding
metadata: {name: own, namespace: ours}
roleRef: {kind: Role, name: own}
subjects: [{kind: ServiceAccount, name: operator, namespace: ours}]
"""
USER = "system:serviceaccount:ours:operator"


def event(verb: str, *, code: int = 200, user: str = USER, **what: Any) -> dict[str, Any]:
    return {"verb": verb, "user": {"username": user}, "objectRef": what, "responseStatus": {"code": code}}


@pytest.fixture
def given() -> set[Grant]:
    return rights.grants(rights.documents(ROLES), "ours/operator")


def test_a_cluster_role_bound_in_a_namespace_is_a_right_there(given: set[Grant]) -> None:
    assert {(each.namespace, each.verb, each.resource) for each in given} == {
        ("kasten-io", "list", "pods"),
        ("kasten-io", "watch", "pods"),
        ("kasten-io", "get", "pods/log"),
        ("ours", "update", "leases"),
    }
    assert rights.grants(rights.documents(ROLES), "ours/agent") == set()


def test_what_nobody_asked_for_is_unused(given: set[Grant]) -> None:
    made = rights.asked(
        [
            event("list", resource="pods", namespace="kasten-io"),
            event("watch", resource="pods", namespace="default"),
            event("get", resource="pods", subresource="log", namespace="kasten-io", name="x"),
            event("update", resource="leases", apiGroup="coordination.k8s.io", namespace="ours", name="other"),
            event("watch", resource="pods", namespace="kasten-io", user="somebody"),
        ],
        USER,
    )

    assert [(each.verb, each.resource) for each in rights.unused(given, made)] == [
        ("update", "leases"),
        ("watch", "pods"),
    ]


def test_what_a_narrower_right_allows_is_no_use_of_a_wider_one() -> None:
    wide, narrow, named, other = (
        Grant(role="r", namespace=namespace, verb="list", group="apps", resource="deployments", name=name)
        for namespace, name in (("", ""), ("kasten-io", ""), ("kasten-io", "api"), ("", "api"))
    )

    def left(*given: Grant, **where: Any) -> list[Grant]:
        made = rights.asked([event("list", apiGroup="apps", resource="deployments", **where)], USER)
        return rights.unused(given, made)

    assert left(wide, narrow, namespace="kasten-io") == [wide]
    assert left(wide, narrow) == [narrow]
    assert left(wide, narrow, named, namespace="kasten-io", name="api") == sorted([wide, narrow])
    assert left(narrow, other, namespace="kasten-io", name="api") == [], "neither could be without the other's part"


def test_what_was_applied_and_is_new_took_the_right_to_create_it() -> None:
    answered = ((201, "k10"), (200, "other"))
    events = [event("patch", code=code, resource="auditwatches", apiGroup="g", name=name) for code, name in answered]
    made = rights.asked(events, USER)

    assert sorted((each.verb, each.name) for each in made) == [("create", "k10"), ("patch", "k10"), ("patch", "other")]


def test_a_refusal_is_named_and_an_answer_of_404_is_none(given: set[Grant]) -> None:
    made = rights.asked(
        [
            event("delete", code=403, resource="policies", apiGroup="config.kio.kasten.io", namespace="k", name="c"),
            event("get", code=404, resource="policies", apiGroup="config.kio.kasten.io", namespace="k", name="c"),
            event("list", code=403, resource="pods", namespace="kasten-io"),
            {"verb": "get", "user": {"username": USER}, "requestURI": "/version", "responseStatus": {"code": 403}},
        ],
        USER,
    )

    assert rights.refused(made, given) == [
        Asked("delete", "config.kio.kasten.io", "policies", "k", "c", is_refused=True)
    ]
    assert str(rights.refused(made, given)[0]) == "delete policies.config.kio.kasten.io k/c"


def test_every_switch_that_the_charts_roles_ask_for_is_set_in_some_form_that_is_installed() -> None:
    templates = [*CHART.glob("templates/rbac-*.yaml"), CHART / "templates" / "_features.tpl"]
    asked_for = {name for each in templates for name in re.findall(r"\.Values\.([\w.]+)", each.read_text())}
    given = [key for form in (forms.BARE, forms.POSTED, forms.MANY, forms.EVERYWHERE) for key in form]

    assert {"sources.k10Stream.enabled", "webhook.tls.mode", "k10s"} <= asked_for
    assert sorted(name for name in asked_for if not any(key.startswith(name) for key in given)) == []
