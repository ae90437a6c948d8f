"""The question about one right, as it is asked."""

from __future__ import annotations

from auditwatch.cluster.access import Permission, review


def test_a_review_asks_in_rbacs_words() -> None:
    permission = Permission("get", "", "pods/log", "kasten-io")

    assert review(permission)["spec"] == {
        "resourceAttributes": {"verb": "get", "resource": "pods", "subresource": "log", "namespace": "kasten-io"}
    }


def test_a_review_of_a_named_object_names_it() -> None:
    permission = Permission("update", "coordination.k8s.io", "leases", "ns", "auditwatch")

    assert review(permission)["spec"] == {
        "resourceAttributes": {
            "verb": "update",
            "group": "coordination.k8s.io",
            "resource": "leases",
            "namespace": "ns",
            "name": "auditwatch",
        }
    }


def test_a_permission_reads_as_what_has_to_be_granted() -> None:
    assert str(Permission("watch", "config.kio.kasten.io", "policies")) == "watch policies.config.kio.kasten.io"
    assert str(Permission("get", "", "pods/log", "kasten-io", "p")) == "get pods/log p in namespace kasten-io"


def test_a_review_of_a_service_account_names_it_with_its_groups() -> None:
    asked = review(Permission("list", "", "pods"), "audit/agent")

    assert asked["kind"] == "SubjectAccessReview"
    assert asked["spec"] == {
        "resourceAttributes": {"verb": "list", "resource": "pods"},
        "user": "system:serviceaccount:audit:agent",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:audit", "system:authenticated"],
    }
