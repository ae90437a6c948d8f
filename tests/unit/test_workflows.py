"""The workflow files: least rights, pinned actions, no shell injection, and every step a release must have."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.build import ensure
from tests.cluster.programs import ACTIONLINT

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
WRITES = {"release.yaml": {"contents", "packages", "id-token", "attestations"}}
TO_BE_PINNED = "# pin by digest before first release"
USES = re.compile(r"uses: (\S+)@(\S+)(?: (#.*))?$")
HOST = re.compile(r"\b[\w-]+\.(?:io|com|org|dev|net)\b")


def loaded(path: Path) -> dict[str, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in loaded(path)["jobs"].values() for step in job["steps"]]


def release() -> str:
    return (ROOT / ".github" / "workflows" / "release.yaml").read_text(encoding="utf-8")


def test_there_is_one_for_changes_and_one_for_releases() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yaml", "release.yaml"]


def linted(*files: Path) -> subprocess.CompletedProcess[str]:
    """By actionlint alone: what else it calls, where a machine has it, would judge differently on each."""
    argv = [str(ensure(ACTIONLINT)), "-no-color", "-shellcheck=", "-pyflakes=", *map(str, files)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_syntax_inputs_and_expressions_are_githubs() -> None:
    done = linted(*WORKFLOWS)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("written", "mistaken", "reason"),
    [
        ("steps.image.outputs.digest", "steps.picture.outputs.digest", 'property "picture" is not defined'),
        ("timeout-minutes:", "timeout:", 'unexpected key "timeout"'),
        ("context: .", "contexts: .", 'input "contexts" is not defined'),
    ],
)
def test_a_mistake_in_the_release_is_seen_before_there_is_one(
    tmp_path: Path, written: str, mistaken: str, reason: str
) -> None:
    assert written in release()
    (tmp_path / "release.yaml").write_text(release().replace(written, mistaken))

    done = linted(tmp_path / "release.yaml")

    assert done.returncode == 1
    assert reason in done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_is_allowed_but_what_a_job_names(path: Path) -> None:
    document = loaded(path)
    granted = {
        name for job in document["jobs"].values() for name, level in job["permissions"].items() if level == "write"
    }

    assert document["permissions"] == {}
    assert granted == WRITES.get(path.name, set())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_commit_or_marked_as_still_to_be(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    found = [match.groups() for line in lines if (match := USES.search(line))]

    assert len(found) == len(lines)
    assert [
        action for action, pin, note in found if not re.fullmatch("[0-9a-f]{40}", pin) and note != TO_BE_PINNED
    ] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_expression_reaches_a_shell_except_through_its_environment(path: Path) -> None:
    """A tag's or branch's name is the text of whoever made it."""
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_job_runs_forever_or_on_a_moving_machine_or_keeps_the_token(path: Path) -> None:
    jobs = loaded(path)["jobs"].values()

    assert all("timeout-minutes" in job and not job["runs-on"].endswith("latest") for job in jobs)
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_registry_is_named(path: Path) -> None:
    assert HOST.findall(path.read_text(encoding="utf-8")) == []


def test_changes_are_linted_and_tested_by_the_commands_everybody_has() -> None:
    assert {"make lint", "make test"} <= {step.get("run") for step in steps(WORKFLOWS[0])}


@pytest.mark.parametrize(
    "needed",
    [
        *("platforms: linux/amd64,linux/arm64", "provenance: mode=max", "sbom: true", "SOURCE_DATE_EPOCH"),
        *("format: spdx-json", "format: cyclonedx-json", "--type spdxjson", "--type cyclonedx"),
        *('cosign sign --yes --recursive "$IMAGE@', 'cosign sign --yes "$CHARTS/k10-auditwatch@'),
        *("actions/attest-build-provenance@", "sha256sum", "dist/crds.yaml", "gh release create"),
        *('cosign sign --yes "$IMAGE-bundle@', 'make bundle ARGS="--output olm --image=$IMAGE@$IMAGE_DIGEST'),
        *("imagetools inspect", "PYTHON=${{ steps.base.outputs.name }}", "dist/base-image.txt"),
    ],
)
def test_a_release_has(needed: str) -> None:
    assert needed in release()


def test_what_is_signed_and_attested_is_named_by_digest() -> None:
    signed = re.findall(r"cosign (?:sign|attest) .*", release())

    assert len(signed) == 5
    assert all(re.search(r"@\$(IMAGE|CHART|BUNDLE)_DIGEST", line) for line in signed)


def test_the_versions_a_release_compares_stand_where_it_looks() -> None:
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    chart = (ROOT / "charts" / "k10-auditwatch" / "Chart.yaml").read_text(encoding="utf-8")

    assert version is not None
    assert f"\nversion: {version[1]}\n" in chart
