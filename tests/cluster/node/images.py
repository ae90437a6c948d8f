"""Images made of files that are at hand, without a builder: one layer, written as a docker-archive.

The same content makes the same archive, byte by byte, so that containerd knows it again.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.node.configuration import PAUSE
from tests.images.buildah import architecture

BUSYBOX = Path("/bin/busybox")
TOOLS = ("sh", "cat", "ls", "sleep", "id", "wget", "nslookup", "touch")
WAIT = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """``files``: place in the image: content, a file of this machine. ``links``: place: what it points to."""

    references: Sequence[str]
    files: Mapping[str, Path]
    links: Mapping[str, str] = field(default_factory=dict)
    folders: Sequence[str] = ()
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    path: str = "/bin"
    """Where programs are looked for."""

    def write(self, archive: Path) -> None:
        """Write the docker-archive (image specification v1.2 as Docker has it: manifest, configuration, layer)."""
        layer = self._layer()
        digest = hashlib.sha256(layer).hexdigest()
        configuration = json.dumps(self._configuration(digest), sort_keys=True).encode()
        config_name = f"{hashlib.sha256(configuration).hexdigest()}.json"
        entry = {"Config": config_name, "RepoTags": list(self.references), "Layers": [f"{digest}.tar"]}
        with tarfile.open(archive, "w") as written:
            add_file(written, config_name, configuration)
            add_file(written, "manifest.json", json.dumps([entry]).encode())
            add_file(written, f"{digest}.tar", layer)

    def _layer(self) -> bytes:
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as layer:
            for folder in self.folders:
                add_special(layer, folder, kind=tarfile.DIRTYPE, mode=0o1777)
            for place, source in self.files.items():
                add_file(layer, place, source.read_bytes(), mode=0o755)
            for place, target in self.links.items():
                add_special(layer, place, kind=tarfile.SYMTYPE, mode=0o777, target=target)
        return content.getvalue()

    def _configuration(self, layer: str) -> dict[str, Any]:
        return {
            "architecture": architecture(),
            "os": "linux",
            "created": EPOCH,
            "config": {"Entrypoint": list(self.entrypoint), "Cmd": list(self.command), "Env": [f"PATH={self.path}"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
            "history": [{"created": EPOCH, "created_by": "tests"}],
        }


def pause() -> Image:
    """What every pod's namespaces are held by."""
    return busybox(references=[PAUSE])


def busybox(*, references: Sequence[str], files: Mapping[str, Path] | None = None) -> Image:
    """A shell and a few tools, waiting until told to end; with ``files`` beside them."""
    return Image(
        references=references,
        files={"bin/busybox": BUSYBOX, **(files or {})},
        links={f"bin/{tool}": "busybox" for tool in TOOLS},
        folders=["tmp"],
        command=["/bin/sh", "-c", WAIT],
    )


def add_file(archive: tarfile.TarFile, name: str, content: bytes, *, mode: int = 0o644) -> None:
    """With no owner and no time, so that the same content is the same archive."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    archive.addfile(member, io.BytesIO(content))


def add_special(archive: tarfile.TarFile, name: str, *, kind: bytes, mode: int, target: str = "") -> None:
    """A folder, or a link to ``target``."""
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.linkname = kind, mode, target
    archive.addfile(member)
