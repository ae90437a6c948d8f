"""What a ConfigMap of ours is made of, and what of another's stays as it is."""

from __future__ import annotations

from auditwatch.cluster.configmaps import new_config_map, with_data

FOUND = {
    "metadata": {"namespace": "n", "name": "ca", "resourceVersion": "7", "annotations": {"by": "somebody"}},
    "data": {"ca.crt": "old", "other": "kept"},
}


def test_a_new_one_names_who_made_it() -> None:
    made = new_config_map("n", "ca", {"ca.crt": "pem"})

    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == ("n", "ca")
    assert made["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "k10-auditwatch"}
    assert made["data"] == {"ca.crt": "pem"}


def test_one_that_is_right_is_not_written() -> None:
    assert with_data(FOUND, {"ca.crt": "old"}) is None


def test_an_update_changes_its_keys_alone_and_holds_the_version_that_was_read() -> None:
    assert with_data(FOUND, {"ca.crt": "new"}) == {
        "metadata": FOUND["metadata"],
        "data": {"ca.crt": "new", "other": "kept"},
    }


def test_one_without_data_gets_some() -> None:
    assert with_data({"metadata": {}}, {"ca.crt": "new"}) == {"metadata": {}, "data": {"ca.crt": "new"}}
