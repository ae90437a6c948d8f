"""Bodies: what of the object before and after an audit event tells, by verb and as far as it was logged."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.activity_fields import READERS
from auditwatch.detection.bodies import MAX_NAMES
from auditwatch.detection.fields import compile_field
from auditwatch.detection.scope import Scope
from auditwatch.detection.values import MISSING
from auditwatch.events.activity import Activity, Patch
from auditwatch.events.lenient import MAX_DEPTH

from .building import K10, POLICY_REFERENCE, audited

POLICY = {
    "apiVersion": "config.kio.kasten.io/v1alpha1",
    "kind": "Policy",
    "metadata": {"name": "daily", "namespace": "kasten-io", "uid": "u-1"},
    "spec": {"paused": True},
}
STATUS = {"kind": "Status", "apiVersion": "v1", "status": "Success", "details": {"uid": "u-1"}}
NAMELESS = {name: value for name, value in POLICY_REFERENCE.items() if name != "name"}


def _unseen(activity: Activity) -> tuple[bool, bool]:
    return activity.object is msgspec.UNSET, activity.old_object is msgspec.UNSET


@pytest.mark.parametrize("verb", ["create", "update", "patch", "get", "list"])
def test_without_bodies_nothing_is_known_of_the_object(verb: str) -> None:
    activity = audited(verb=verb, level="Metadata")
    assert activity.object is msgspec.UNSET
    assert activity.patch is msgspec.UNSET
    assert activity.old_object is (None if verb == "create" else msgspec.UNSET)


def test_what_was_created_is_what_the_server_answered() -> None:
    asked = {"metadata": {"generateName": "run-"}, "spec": {}}
    activity = audited(verb="create", objectRef=NAMELESS, requestObject=asked, responseObject=POLICY)
    assert (activity.object, activity.old_object) == (POLICY, None)
    assert (activity.target.name, activity.target.uid) == ("daily", "u-1")


def test_what_was_asked_for_stands_in_for_the_answer() -> None:
    activity = audited(verb="create", objectRef=NAMELESS, requestObject=POLICY, responseObject=STATUS)
    assert activity.object == POLICY
    assert activity.target.name == "daily"


def test_a_full_update_shows_what_it_became_and_not_what_it_was() -> None:
    activity = audited(verb="update", requestObject={"spec": {}}, responseObject=POLICY)
    assert activity.object == POLICY
    assert activity.old_object is msgspec.UNSET


def test_a_patch_names_what_it_changes_and_the_answer_shows_the_rest() -> None:
    activity = audited(requestObject={"spec": {"paused": True}}, responseObject=POLICY)
    assert activity.object == POLICY
    assert isinstance(activity.patch, Patch)
    assert activity.patch.fields[0].steps == (".spec", ".paused")


def test_a_delete_leaves_nothing_and_shows_what_was_there_where_the_server_returns_it() -> None:
    assert audited(verb="delete", responseObject=POLICY).old_object == POLICY
    activity = audited(verb="delete", responseObject=STATUS)
    assert activity.object is None
    assert activity.old_object is msgspec.UNSET


def test_the_object_of_another_name_is_not_what_was_deleted() -> None:
    other = {**POLICY, "metadata": {"name": "weekly"}}
    assert audited(verb="delete", responseObject=other).old_object is msgspec.UNSET


def test_the_uid_of_what_was_deleted_stands_in_the_status_at_every_level() -> None:
    status = {"code": 200, "details": {"uid": "u-9"}}
    assert audited(verb="delete", level="Metadata", responseStatus=status).target.uid == "u-9"


def _collection(code: int = 200, **fields: Any) -> Activity:
    return audited(verb="deletecollection", objectRef=NAMELESS, responseStatus={"code": code}, **fields)


def test_a_collection_counts_what_it_deleted_where_that_is_shown() -> None:
    assert _collection(responseObject={"kind": "PolicyList", "items": [POLICY, POLICY]}).target.count == 2
    assert _collection(responseObject=STATUS).target.count is None
    assert _collection(level="Metadata").target.count is None


def test_a_collection_that_was_refused_deleted_nothing_and_is_one_attempt() -> None:
    assert _collection(403).target.count == 1
    assert _collection(504).target.count is None


def _list(*names: str) -> dict[str, Any]:
    return {"kind": "PolicyList", "items": [{"metadata": {"name": name}} for name in names]}


def _asked(selector: str, **fields: Any) -> Activity:
    return _collection(requestURI=f"/apis/config.kio.kasten.io/v1alpha1/policies?fieldSelector={selector}", **fields)


def test_a_collection_names_what_the_answer_lists() -> None:
    assert _collection(responseObject=_list("daily", "hourly")).target.names == ("daily", "hourly")
    assert _collection(responseObject=_list()).target.names == ()


@pytest.mark.parametrize(
    "body",
    [
        STATUS,
        {"kind": "Table", "rows": [{"object": {"metadata": {"name": "daily"}}}]},
        {"items": [{"metadata": {"name": "daily"}}, {"metadata": {}}]},
        {"items": [{"metadata": {"name": "daily"}}, "hourly"]},
        _list(*("daily" for _ in range(MAX_NAMES + 1))),
    ],
)
def test_a_collection_of_which_not_all_is_listed_has_names_nobody_knows(body: dict[str, Any]) -> None:
    assert _collection(responseObject=body).target.names is None
    assert _collection(level="Metadata").target.names is None


def test_a_list_that_was_not_read_as_a_whole_spares_nothing() -> None:
    deep: Any = {}
    for _ in range(MAX_DEPTH + 10):
        deep = {"a": deep}
    activity = _collection(responseObject={**_list("daily"), "metadata": deep})
    assert activity.degraded
    assert activity.target.names is None


def test_a_collection_that_asks_for_one_name_is_about_that_one_at_every_level() -> None:
    assert _asked("metadata.name%3Ddaily", level="Metadata").target.names == ("daily",)
    assert _asked("metadata.name=daily", responseObject=STATUS).target.names == ("daily",)
    assert _asked("metadata.name!=daily").target.names is None
    assert _asked("metadata.name%3Dx&fieldSelector=metadata.name%3Dy").target.names == ("x",)
    assert _asked("metadata.name%3Dx;y&fieldSelector=metadata.name%3Dz").target.names == ("z",)


def test_a_name_that_looks_like_a_credential_and_is_hidden_is_unknown() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnopqrstuvwxyz0123456789"
    assert _collection(responseObject=_list("daily", token)).target.names is None
    assert _asked(f"metadata.name%3D{token}").target.names is None


def test_the_answer_knows_better_than_the_question() -> None:
    assert _asked("metadata.name%3Ddaily", responseObject=_list()).target.names == ()


def test_who_serves_a_kind_that_the_server_does_not_may_care_for_no_selector() -> None:
    points = {**NAMELESS, "apiGroup": "apps.kio.kasten.io", "resource": "restorepoints"}
    asked = "/apis/apps.kio.kasten.io/v1alpha1/namespaces/shop/restorepoints?fieldSelector=metadata.name%3Dx"
    assert audited(verb="deletecollection", objectRef=points, requestURI=asked).target.names is None


def test_what_names_its_object_needs_no_other_names() -> None:
    assert audited(verb="delete", responseObject=_list("daily")).target.names is None
    assert audited(verb="list", objectRef=NAMELESS, responseObject=_list("daily")).target.names is None


def test_who_only_reads_changes_nothing() -> None:
    activity = audited(verb="get", responseObject=POLICY)
    assert activity.object == activity.old_object == POLICY
    assert _unseen(audited(verb="list", responseObject={"items": [POLICY]})) == (True, True)


def test_a_subresource_is_created_beside_an_object_that_was_there() -> None:
    reference = {"resource": "pods", "subresource": "binding", "namespace": "a", "name": "web"}
    activity = audited(verb="create", objectRef=reference, requestObject={"metadata": {"name": "other"}})
    assert activity.old_object is msgspec.UNSET
    assert activity.target.name == "web"
    nameless = audited(
        verb="create", objectRef={**reference, "name": ""}, requestObject={"metadata": {"name": "other"}}
    )
    assert nameless.target.name == ""


def test_a_namespace_is_a_cluster_scoped_object() -> None:
    reference = {"resource": "namespaces", "namespace": "shop", "name": "shop", "apiVersion": "v1"}
    target = audited(verb="delete", objectRef=reference).target
    assert (target.namespace, target.name) == ("", "shop")


def test_a_url_that_is_no_resource_has_no_target() -> None:
    target = audited(verb="get", objectRef=None, requestURI="/metrics").target
    assert (target.group, target.resource, target.name) == ("", "", "")


@pytest.mark.parametrize("body", [[], "text", 7, None, {"metadata": "x"}, {"items": None}])
def test_a_body_of_another_shape_is_no_error(body: Any) -> None:
    for verb in ("create", "update", "patch", "delete", "deletecollection", "get"):
        audited(verb=verb, requestObject=body, responseObject=body)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metadata", "items", "name", "spec", "kind", "op"]), inner)
    ),
    max_leaves=15,
)
VERBS = ["create", "update", "patch", "delete", "deletecollection", "get", "list", "watch"]


@given(st.sampled_from(VERBS), JSON, JSON, st.sampled_from([200, 403, 500]))
def test_whatever_a_body_holds_every_field_can_be_read(verb: str, asked: Any, answer: Any, code: int) -> None:
    activity = audited(verb=verb, requestObject=asked, responseObject=answer, responseStatus={"code": code})
    scope = Scope(activity, K10)
    for name in (*READERS, "object.spec.name", "oldObject.metadata.name", "changes", "k10.appName", "event.user"):
        assert compile_field(name).read(scope, MISSING) is not None
