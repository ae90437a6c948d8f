"""What only an API server can say of our kinds: the cost of CEL, the text of each field, how rows and conditions look.

And of the bundle for OLM: that its examples, roles and pod are taken as they are. All points of the list these belong
to, with the tests that hold them, are in ``tests/conventions.yaml``.
"""

from __future__ import annotations

import copy
import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from scripts import bundle
from scripts.service_version import Release, documents, examples, service_version

from auditwatch.api.conditions import Reason
from tests.cluster.controlplane import ControlPlane
from tests.cluster.ours import PLURALS, define_ours, make_namespaces
from tests.cluster.waiting import eventually

NAMESPACE = "conventions-room"
GROUP = "/apis/k10auditwatch.io/v1alpha1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
HEADROOM = 10
"""How many times as expensive our CEL could be: to the limit, rules can only be taken out."""
KINDS = {f"io.k10auditwatch.v1alpha1.{kind}" for kind in ("AuditWatch", "K10SecurityFinding")}
AS_TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
MANIFESTS = {each.path: each.text for each in bundle.files(Release()) if each.path.startswith("manifests/")}
Document = dict[str, Any]


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The shared control plane with our CRDs and a namespace of this module's own, restricted as ours is."""
    define_ours(control_plane)
    make_namespaces(control_plane, NAMESPACE, "kasten-io")
    control_plane.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    yield control_plane
    control_plane.kubectl("delete", "auditwatches", "--all", "--namespace", NAMESPACE)


def places(schema: Document, path: str) -> Iterator[tuple[str, Document]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from places(field, f"{path}.{name}")
    if "items" in schema:
        yield from places(schema["items"], f"{path}[]")


def defined(plural: str) -> Document:
    found: Document = yaml.load(MANIFESTS[f"manifests/{plural}.yaml"], Loader=yaml.CSafeLoader)
    return found


def schema_of(definition: Document) -> Document:
    [version] = definition["spec"]["versions"]
    schema: Document = version["schema"]["openAPIV3Schema"]
    return schema


def as_another_kind(definition: Document, *, times: int) -> Document:
    """The same schema under a group of its own, every CEL rule so many times over in one expression."""
    other = copy.deepcopy(definition)
    other["spec"]["group"] = "conventions.example.com"
    other["metadata"] = {"name": f"{other['spec']['names']['plural']}.conventions.example.com"}
    for _, schema in places(schema_of(other), ""):
        for validation in schema.get("x-kubernetes-validations", []):
            validation["rule"] = " && ".join([f"({validation['rule']})"] * times)
    return other


def costly(*, items: int) -> Document:
    """A kind whose one rule looks at every character of a list of names."""
    names: Document = {"type": "array", "maxItems": items, "items": {"type": "string", "maxLength": 1000}}
    names["x-kubernetes-validations"] = [{"rule": "self.all(name, !name.contains('x'))"}]
    schema = {"type": "object", "properties": {"names": names}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "dears.conventions.example.com"},
        "spec": {
            "group": "conventions.example.com",
            "scope": "Namespaced",
            "names": {"kind": "Dear", "plural": "dears"},
            "versions": [version],
        },
    }


def define_for_show(plane: ControlPlane, definition: Document) -> str:
    """What the server says against a new kind; nothing where it would take it."""
    answer = plane.request("POST", f"{DEFINITIONS}?dryRun=All", body=definition)
    return "" if answer.status == 201 else str(answer.json()["message"])


@pytest.mark.parametrize("plural", PLURALS)
def test_cel_may_cost_ten_times_as_much_before_the_server_refuses_it(plane: ControlPlane, plural: str) -> None:
    """Both limits: 10,000,000 of one expression and 100,000,000 of a schema, as the server estimates them."""
    assert define_for_show(plane, as_another_kind(defined(plural), times=HEADROOM)) == ""


def test_a_rule_ten_times_over_costs_ten_times_as_much(plane: ControlPlane) -> None:
    """Or the test above would prove nothing: what is within the limit once is beyond it ten times."""
    near = costly(items=20_000)

    assert define_for_show(plane, as_another_kind(near, times=1)) == ""
    assert "estimated rule cost exceeds budget" in define_for_show(plane, as_another_kind(near, times=HEADROOM))


def published(plane: ControlPlane, path: str) -> Document:
    """Schemas by name; none while the server, which publishes in its own time, has not got to it."""
    answer = plane.request("GET", path)
    schemas: Document = answer.json()["components"]["schemas"] if answer.status == 200 else {}
    return schemas


def test_explain_has_a_text_for_every_field(plane: ControlPlane) -> None:
    """Of what the server publishes, which kubectl explain prints."""
    eventually(lambda: published(plane, f"/openapi/v3{GROUP}").keys() >= KINDS)
    schemas = published(plane, f"/openapi/v3{GROUP}")
    for kind in KINDS:
        fields = [each for each in places(schemas[kind], kind) if each[0][-1] != "]"]
        assert len(fields) > 50
        assert [path for path, schema in fields if not schema.get("description", "").strip()] == []


def test_a_condition_has_the_fields_of_the_servers_own(plane: ControlPlane) -> None:
    theirs = published(plane, "/openapi/v3/apis/policy/v1")["io.k8s.apimachinery.pkg.apis.meta.v1.Condition"]
    for plural in PLURALS:
        ours = dict(places(schema_of(defined(plural)), ""))[".status.conditions[]"]
        assert ours["properties"].keys() == theirs["properties"].keys()
        assert sorted(ours["required"]) == sorted(theirs["required"])


def watch(name: str) -> Document:
    return {
        "apiVersion": "k10auditwatch.io/v1alpha1",
        "kind": "AuditWatch",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {},
    }


def condition(kind: str, **fields: Any) -> Document:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"observedGeneration": 1, "lastTransitionTime": now, "reason": "Watching", "message": ""}
    return {"type": kind, "status": "True", **told, **fields}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([condition("Ready"), condition("Ready")], "Duplicate value"),
        ([condition("Ready", reason="no words")], "status.conditions[0].reason"),
        ([condition("Ready", reason="")], "status.conditions[0].reason"),
        ([condition("Ready", status="Yes")], "Unsupported value"),
        ([condition("Ready", message="m" * 32_769)], "status.conditions[0].message"),
        ([condition("Ready", lastTransitionTime="now")], "status.conditions[0].lastTransitionTime"),
    ],
)
def test_a_condition_that_is_none_is_refused(plane: ControlPlane, conditions: list[Document], words: str) -> None:
    plane.apply([watch("conditions")])
    path = f"{GROUP}/namespaces/{NAMESPACE}/auditwatches/conditions/status"
    body = {"status": {"conditions": conditions}}
    answer = plane.request("PATCH", path, body=body, headers={"Content-Type": "application/merge-patch+json"})

    assert answer.status == 422
    assert words in answer.json()["message"]


def test_a_row_of_a_watch_fits_a_terminal_whatever_its_reason(plane: ControlPlane) -> None:
    longest = max((each.value for each in Reason), key=len)
    plane.apply([watch("k10-of-the-second-site")])
    path = f"{GROUP}/namespaces/{NAMESPACE}/auditwatches/k10-of-the-second-site"
    then = (datetime.now(UTC) - timedelta(hours=5, minutes=31)).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {
        "ruleCount": 103,
        "findingCount": 12_345,
        "visibility": {"blind": 57},
        "lastMatchTime": then,
        "conditions": [condition("Ready", status="Unknown", reason=longest)],
    }
    patched = plane.request(
        "PATCH", f"{path}/status", body={"status": status}, headers={"Content-Type": "application/merge-patch+json"}
    )
    assert patched.status == 200, patched.body
    shown = plane.kubectl("get", "aw", "k10-of-the-second-site", "--namespace", NAMESPACE).splitlines()

    assert longest in shown[1]
    assert max(map(len, shown)) <= 120
    table = plane.request("GET", path, headers=AS_TABLE).json()
    cells = dict(zip([each["name"] for each in table["columnDefinitions"]], table["rows"][0]["cells"], strict=True))
    assert (cells["Ready"], cells["Reason"], cells["Rules"], cells["Blind"]) == ("Unknown", longest, 103, 57)
    assert cells["Last Match"] == "5h31m"


def test_an_example_of_the_bundle_is_taken_strictly(plane: ControlPlane) -> None:
    path = f"{GROUP}/namespaces/{NAMESPACE}/auditwatches?dryRun=All&fieldValidation=Strict"

    answers = {each["metadata"]["name"]: plane.request("POST", path, body=each) for each in examples()}

    assert {name: answer.body for name, answer in answers.items() if answer.status != 201} == {}


def test_the_pod_of_the_bundle_runs_where_restricted_is_enforced(plane: ControlPlane) -> None:
    [deployment] = service_version(Release())["spec"]["install"]["spec"]["deployments"]
    spec = {**deployment["spec"]["template"]["spec"], "serviceAccountName": "default"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": spec}

    answer = plane.request("POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", body=pod)

    assert answer.status == 201, answer.body


def test_the_roles_of_the_bundle_are_taken(plane: ControlPlane) -> None:
    roles = [yaml.safe_load(text) for path, text in MANIFESTS.items() if path.endswith(".clusterrole.yaml")]
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles?dryRun=All&fieldValidation=Strict"

    assert [plane.request("POST", path, body=each).status for each in roles] == [201] * 5


def test_the_commands_of_the_bundles_description_bind_what_manifests_bind(plane: ControlPlane) -> None:
    commands = re.findall(r"^kubectl (.*)$", (bundle.BUNDLE / "description.md").read_text(), re.MULTILINE)
    made = [json.loads(plane.kubectl(*shlex.split(each), "--dry-run=server", "--output=json")) for each in commands]
    wanted = [each for each in documents("rbac-k10.yaml") if each["kind"] == "RoleBinding"]

    assert [bound(each) for each in made] == [bound(each) for each in wanted]


def bound(binding: Document) -> tuple[str, ...]:
    [subject] = binding["subjects"]
    metadata, role = binding["metadata"], binding["roleRef"]
    return (
        *(metadata["namespace"], metadata["name"], role["kind"], role["name"]),
        *(subject["kind"], subject["namespace"], subject["name"]),
    )
