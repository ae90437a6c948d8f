"""The bundle for OLM by its structure: whole, one with what installs the operator elsewhere, and claiming no more."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from scripts import bundle
from scripts.service_version import TARGETS, Release, service_version

from auditwatch.api.parse import parse_watch
from auditwatch.cli.main import app
from auditwatch.cli.run import narrowed
from auditwatch.runtime.settings import parse_settings

ROOT = Path(__file__).parents[2]
CHART = yaml.safe_load((ROOT / "charts" / "k10-auditwatch" / "Chart.yaml").read_text(encoding="utf-8"))
PREFIX = "operators.operatorframework.io.bundle"
MAY_BE_IN_A_BUNDLE = {"ClusterServiceVersion", "CustomResourceDefinition", "ClusterRole", "ConfigMap", "Service"}
"""Of the kinds that OLM takes, those we bring. An account it makes itself, a namespace it is given."""
IMAGE = "registry.example.com/security/k10-auditwatch@sha256:" + "0" * 64
Document = dict[str, Any]


FILES = {
    each.path: yaml.load(each.text, Loader=yaml.CSafeLoader)
    for each in bundle.files(Release())
    if each.path.endswith(".yaml")
}
OBJECTS = [each for path, each in FILES.items() if path.startswith("manifests/")]
CSV = FILES["manifests/k10-auditwatch.clusterserviceversion.yaml"]
NOTES = CSV["metadata"]["annotations"]
INSTALL = CSV["spec"]["install"]["spec"]
POD = INSTALL["deployments"][0]["spec"]["template"]["spec"]
CONFIGURATION = FILES["manifests/k10-auditwatch.configmap.yaml"]["data"]["auditwatch.yaml"]


def rights(rules: list[Document]) -> set[tuple[str, str, str, str]]:
    return {
        (group, resource, verb, ",".join(rule.get("resourceNames", [])))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def of_manifests(name: str, kind: str) -> list[Document]:
    found = yaml.safe_load_all((ROOT / "manifests" / name).read_text(encoding="utf-8"))
    return [each for each in found if each["kind"] == kind]


def test_the_bundle_in_the_repository_is_what_its_sources_say() -> None:
    assert bundle.stale(bundle.BUNDLE, bundle.files(Release())) == [], "write it again: python -m scripts.bundle"


def test_what_is_changed_missing_or_left_over_is_named_and_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle.main(["--output", str(tmp_path)]) == 0
    (tmp_path / "manifests" / "k10-auditwatch.service.yaml").write_text("changed", encoding="utf-8")
    (tmp_path / "metadata" / "annotations.yaml").unlink()
    (tmp_path / "manifests" / "left-over.yaml").write_text("{}", encoding="utf-8")

    assert bundle.main(["--check", "--output", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    for name in ("manifests/k10-auditwatch.service.yaml", "metadata/annotations.yaml", "manifests/left-over.yaml"):
        assert f"{tmp_path.name}/{name}: is not what it repeats" in said
    assert bundle.main(["--output", str(tmp_path)]) == 0
    assert bundle.main(["--check", "--output", str(tmp_path)]) == 0


def test_file_and_image_say_the_same_of_the_bundle() -> None:
    notes = FILES["metadata/annotations.yaml"]["annotations"]
    labels = dict(re.findall(r"^LABEL (\S+)=(\S+)$", bundle.dockerfile(), re.MULTILINE))

    assert labels == notes
    assert notes[f"{PREFIX}.mediatype.v1"] == "registry+v1"
    assert notes[f"{PREFIX}.package.v1"] == CHART["name"]
    assert notes[f"{PREFIX}.channel.default.v1"] in notes[f"{PREFIX}.channels.v1"].split(",")
    assert all((bundle.BUNDLE / notes[f"{PREFIX}.{each}.v1"]).is_dir() for each in ("manifests", "metadata"))


def test_versions_are_those_of_the_chart() -> None:
    spec = CSV["spec"]

    assert spec["version"] == CHART["version"]
    assert CSV["metadata"]["name"] == f"{CHART['name']}.v{CHART['version']}"
    assert f">={spec['minKubeVersion']}-0" == CHART["kubeVersion"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", spec["minKubeVersion"])


def test_it_claims_the_level_of_the_chart_which_is_the_first() -> None:
    """An operator that manages no other workload has no higher one, whatever properties of these it has."""
    assert NOTES["capabilities"] == CHART["annotations"]["artifacthub.io/operatorCapabilities"] == "Basic Install"
    assert NOTES["categories"] == "Security"


def test_every_text_that_a_console_shows_is_there() -> None:
    spec = CSV["spec"]

    assert all(spec[name] for name in ("displayName", "description", "keywords", "provider", "icon"))
    assert base64.b64decode(spec["icon"][0]["base64data"]).startswith(b"<svg")
    for owned in spec["customresourcedefinitions"]["owned"]:
        fields = [*owned["specDescriptors"], *owned["statusDescriptors"]]
        assert len(fields) > 10
        assert all(each["displayName"] and each["description"].endswith(".") for each in [owned, *fields])


def test_what_is_owned_is_what_is_brought_byte_by_byte_as_in_crds() -> None:
    owned = {
        (each["name"], each["kind"], each["version"]) for each in CSV["spec"]["customresourcedefinitions"]["owned"]
    }
    brought = {
        (each["metadata"]["name"], each["spec"]["names"]["kind"], version["name"])
        for each in OBJECTS
        if each["kind"] == "CustomResourceDefinition"
        for version in each["spec"]["versions"]
    }

    assert owned == brought
    for name in ("auditwatches.yaml", "k10securityfindings.yaml"):
        assert (bundle.BUNDLE / "manifests" / name).read_bytes() == (ROOT / "crds" / name).read_bytes()


def test_an_example_is_of_a_kind_that_is_owned_and_the_operator_has_nothing_against_it() -> None:
    examples = json.loads(NOTES["alm-examples"])

    assert len(examples) == len(list((ROOT / "examples").glob("*.yaml")))
    assert [each for each in examples if each["kind"] != "AuditWatch" or "namespace" in each["metadata"]] == []
    assert [parse_watch(each).problems for each in examples] == [()] * len(examples)


def test_only_kinds_that_olm_takes_are_brought_and_none_says_where_it_goes() -> None:
    assert {each["kind"] for each in OBJECTS} == MAY_BE_IN_A_BUNDLE
    assert [each["metadata"]["name"] for each in OBJECTS if "namespace" in each["metadata"]] == [
        CSV["metadata"]["name"]
    ]
    assert CSV["metadata"]["namespace"] == "placeholder"


def test_rights_are_those_of_the_manifests_and_no_more() -> None:
    [everywhere], [own] = INSTALL["clusterPermissions"], INSTALL["permissions"]
    roles = [*of_manifests("rbac-own.yaml", "ClusterRole"), *of_manifests("rbac-k10.yaml", "ClusterRole")]
    shipped = {each["metadata"]["name"] for each in OBJECTS if each["kind"] == "ClusterRole"}
    bound = [rule for each in roles if each["metadata"]["name"] not in shipped for rule in each["rules"]]

    assert rights(everywhere["rules"]) == rights(bound)
    assert rights(own["rules"]) == rights(of_manifests("rbac-own.yaml", "Role")[0]["rules"])
    assert {everywhere["serviceAccountName"], own["serviceAccountName"]} == {POD["serviceAccountName"]}


def test_no_secret_may_be_read_no_log_everywhere_and_nothing_by_an_asterisk() -> None:
    granted = rights([*INSTALL["clusterPermissions"][0]["rules"], *INSTALL["permissions"][0]["rules"]])

    assert not {resource for _, resource, _, _ in granted} & {"secrets", "pods/log", "pods", "*"}
    assert {verb for group, _, verb, _ in granted if "kio.kasten.io" in group} == {"list", "watch"}


def test_what_is_left_to_the_installer_names_roles_that_the_bundle_brings() -> None:
    named = set(re.findall(r"--clusterrole (\S+)", CSV["spec"]["description"]))
    shipped = {each["metadata"]["name"] for each in OBJECTS if each["kind"] == "ClusterRole"}
    in_k10 = {each["roleRef"]["name"] for each in of_manifests("rbac-k10.yaml", "RoleBinding")}

    assert named == in_k10
    assert named <= shipped


def test_the_pod_runs_as_any_user_and_needs_no_volume_to_be_there_before() -> None:
    [container] = POD["containers"]
    contexts = POD["securityContext"] | container["securityContext"]

    assert not {"runAsUser", "runAsGroup", "fsGroup"} & contexts.keys()
    assert contexts["runAsNonRoot"] is contexts["readOnlyRootFilesystem"] is True
    assert contexts["capabilities"] == {"drop": ["ALL"]}
    assert [each["name"] for each in POD["volumes"] if not {"emptyDir", "configMap"} & each.keys()] == []


def test_the_operator_takes_the_configuration_which_calls_the_journal_what_it_is() -> None:
    settings = parse_settings(CONFIGURATION, origin="bundle")

    assert settings.journal.durable is False
    assert {"name": "journal", "emptyDir": {}} in POD["volumes"]
    assert settings.lease.name in {name for *_, name in rights(INSTALL["permissions"][0]["rules"])}


def test_the_namespaces_of_the_operator_group_reach_the_operator() -> None:
    option = next(
        each
        for each in typer.main.get_command(app).get_command(None, "run").params  # type: ignore[attr-defined]  # a group
        if each.name == "watch_namespaces"
    )

    assert TARGETS["name"] == option.envvar
    assert TARGETS in POD["containers"][0]["env"]
    assert "olm.targetNamespaces" in str(TARGETS)


@pytest.mark.parametrize(
    ("mode", "annotation", "tenants"), [("OwnNamespace", "security", ("security",)), ("AllNamespaces", "", ("*",))]
)
def test_a_mode_that_is_supported_is_honoured(mode: str, annotation: str, tenants: tuple[str, ...]) -> None:
    """What OLM writes into the annotation decides who may hold an AuditWatch; its own namespace always may."""
    supported = {each["type"] for each in CSV["spec"]["installModes"] if each["supported"]}
    settings = narrowed(parse_settings(CONFIGURATION, origin="bundle"), annotation)

    assert mode in supported
    assert supported == {"OwnNamespace", "AllNamespaces"}
    assert settings.tenancy.namespaces == tenants


def test_all_four_modes_are_decided() -> None:
    modes = [each["type"] for each in CSV["spec"]["installModes"]]

    assert modes == ["OwnNamespace", "SingleNamespace", "MultiNamespace", "AllNamespaces"]


@pytest.mark.parametrize(("release", "image"), [(Release(), "k10-auditwatch:0.1.0"), (Release(image=IMAGE), IMAGE)])
def test_every_image_is_named_as_related_for_those_who_mirror_it(release: Release, image: str) -> None:
    csv = service_version(release)
    [deployment] = csv["spec"]["install"]["spec"]["deployments"]

    assert [each["image"] for each in deployment["spec"]["template"]["spec"]["containers"]] == [image]
    assert [each["image"] for each in csv["spec"]["relatedImages"]] == [image]
    assert csv["metadata"]["annotations"]["containerImage"] == image


def test_only_a_release_says_when_where_and_by_whom() -> None:
    release = Release(created="2027-01-02T03:04:05Z", repository="https://git.example.com/a", email="a@example.com")
    csv = service_version(release)

    assert csv["metadata"]["annotations"]["createdAt"] == "2027-01-02T03:04:05Z"
    assert csv["metadata"]["annotations"]["repository"] == csv["spec"]["links"][0]["url"] == "https://git.example.com/a"
    assert csv["spec"]["maintainers"] == [{"name": CHART["maintainers"][0]["name"], "email": "a@example.com"}]
    assert not {"createdAt", "repository"} & NOTES.keys()
    assert not {"links", "maintainers"} & CSV["spec"].keys()
