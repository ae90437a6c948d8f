"""Images written without a builder: what containerd and Docker read, the same bytes for the same content."""

from __future__ import annotations

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
    program.write_bytes(b"#!/bin/sh\n")
    return Image(
        references=["localhost/one:1", "docker.io/library/two:2"],
        files={"bin/program": program},
        links={"bin/sh": "program"},
        folders=["tmp"],
        entrypoint=["/bin/program"],
        command=["--flag"],
    )


def _read(archive: Path) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The manifest's entry, the configuration and the layer of a docker-archive."""
    with tarfile.open(archive) as outer:
        (entry,) = json.loads(_content(outer, "manifest.json"))
        (layer,) = entry["Layers"]
        return entry, json.loads(_content(outer, entry["Config"])), _content(outer, layer)


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    stream = archive.extractfile(name)
    assert stream is not None
    return stream.read()


def test_an_image_has_all_its_names_and_says_what_is_started(image: Image, tmp_path: Path) -> None:
    image.write(tmp_path / "image.tar")
    entry, configuration, _ = _read(tmp_path / "image.tar")

    assert entry["RepoTags"] == ["localhost/one:1", "docker.io/library/two:2"]
    assert configuration["config"]["Entrypoint"] == ["/bin/program"]
    assert configuration["config"]["Cmd"] == ["--flag"]


def test_the_layer_is_the_one_whose_digest_the_configuration_names(image: Image, tmp_path: Path) -> None:
    image.write(tmp_path / "image.tar")
    _, configuration, layer = _read(tmp_path / "image.tar")

    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]


def test_files_can_be_run_links_lead_to_them_and_any_user_writes_to_folders(image: Image, tmp_path: Path) -> None:
    image.write(tmp_path / "image.tar")
    with tarfile.open(fileobj=io.BytesIO(_read(tmp_path / "image.tar")[2])) as layer:
        program, link, folder = (layer.getmember(name) for name in ("bin/program", "bin/sh", "tmp"))
        assert _content(layer, "bin/program") == b"#!/bin/sh\n"

    assert (program.mode, program.uid) == (0o755, 0)
    assert (link.issym(), link.linkname) == (True, "program")
    assert (folder.isdir(), folder.mode) == (True, 0o1777)


def test_the_same_content_is_the_same_archive_whenever_it_is_written(image: Image, tmp_path: Path) -> None:
    image.write(tmp_path / "first.tar")
    image.files["bin/program"].touch()
    image.write(tmp_path / "second.tar")

    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()


def test_other_content_is_another_image(image: Image, tmp_path: Path) -> None:
    image.write(tmp_path / "first.tar")
    image.files["bin/program"].write_bytes(b"#!/bin/another\n")
    image.write(tmp_path / "second.tar")

    assert _read(tmp_path / "first.tar")[0]["Config"] != _read(tmp_path / "second.tar")[0]["Config"]


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
