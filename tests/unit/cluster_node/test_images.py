"""Images made of files at hand: one archive for one content, and everything where a runtime looks for it."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.node import images
from tests.cluster.node.configuration import PAUSE
from tests.cluster.node.images import Image
from tests.k10 import pods
from tests.k10.workloads import API_DEPLOYMENT, DEPLOYMENTS


@pytest.fixture
def image(tmp_path: Path) -> Image:
    program = tmp_path / "program"
    program.write_bytes(b"#!program")
    return Image(
        references=["localhost/a:1", "localhost/b:2"],
        files={"bin/program": program},
        links={"bin/other": "program"},
        folders=["tmp"],
        entrypoint=["/bin/program"],
        command=["run"],
    )


def content(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as read:
        return {member.name: read.extractfile(member).read() for member in read}  # type: ignore[union-attr]


def written(image: Image, archive: Path) -> tuple[dict[str, Any], dict[str, Any], tarfile.TarFile]:
    """Manifest, configuration and layer."""
    image.write(archive)
    files = content(archive)
    [manifest] = json.loads(files["manifest.json"])
    layer = tarfile.open(fileobj=io.BytesIO(files[manifest["Layers"][0]]))  # noqa: SIM115 - in memory
    return manifest, json.loads(files[manifest["Config"]]), layer


def test_the_same_content_is_the_same_archive_whenever_it_is_written(image: Image, tmp_path: Path) -> None:
    image.write(tmp_path / "one.tar")
    (tmp_path / "program").touch()
    image.write(tmp_path / "two.tar")

    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_other_content_is_another_image(image: Image, tmp_path: Path) -> None:
    before, _, _ = written(image, tmp_path / "one.tar")
    (tmp_path / "program").write_bytes(b"#!another")
    after, _, _ = written(image, tmp_path / "two.tar")

    assert before["Config"] != after["Config"]
    assert before["Layers"] != after["Layers"]


def test_the_manifest_has_every_name_and_the_hashes_are_true(image: Image, tmp_path: Path) -> None:
    manifest, configuration, _ = written(image, tmp_path / "image.tar")
    files = content(tmp_path / "image.tar")

    assert manifest["RepoTags"] == ["localhost/a:1", "localhost/b:2"]
    assert manifest["Config"] == f"{hashlib.sha256(files[manifest['Config']]).hexdigest()}.json"
    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(files[manifest['Layers'][0]]).hexdigest()}"]
    assert (configuration["config"]["Entrypoint"], configuration["config"]["Cmd"]) == (["/bin/program"], ["run"])


def test_the_layer_has_files_that_run_links_and_a_folder_for_everybody(image: Image, tmp_path: Path) -> None:
    _, _, layer = written(image, tmp_path / "image.tar")

    assert layer.getmember("bin/program").mode == 0o755
    assert layer.getmember("bin/other").linkname == "program"
    assert (layer.getmember("tmp").isdir(), layer.getmember("tmp").mode) == (True, 0o1777)
    assert {(member.uid, member.mtime) for member in layer} == {(0, 0)}


def test_a_pod_is_held_by_a_shell_that_ends_when_told_to() -> None:
    pause = images.pause()

    assert pause.references == [PAUSE]
    assert pause.links["bin/sh"] == "busybox"
    assert "trap 'exit 0' TERM" in pause.command[-1]


def test_one_image_of_the_stand_in_has_all_names_that_k10s_pods_ask_for() -> None:
    names = pods.references()

    assert len(names) == len(set(names)) > len(DEPLOYMENTS)
    assert pods.APPLICATION in names
    assert all(name.startswith("docker.io/") and ":" in name for name in names)
    assert any(API_DEPLOYMENT.removesuffix("-svc") in name for name in names)
