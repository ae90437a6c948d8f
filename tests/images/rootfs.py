"""An image's own files run as a container would run them, short of a node: any user, a read-only root, no rights.

The process lives in a mount namespace of its own and shares the machine's network and process table, so that a test's
control plane on the loopback is in its reach and its memory can be read. util-linux and coreutils do the work.
"""

import json
import shlex
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REMOVED = ".wh."
"""Layers name what they remove from those below by this prefix (OCI image specification, layer.md)."""
OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class Image:
    """An unpacked image: `config` as the OCI specification has it (Env, User, Entrypoint, Labels, …)."""

    root: Path
    config: Mapping[str, Any]
    architecture: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables it sets."""
        return dict(entry.split("=", 1) for entry in self.config["Env"])


def unpack(archive: Path, directory: Path) -> Image:
    """Unpack a docker-archive into an empty directory, layer by layer. Root only: owners are kept."""
    with tarfile.open(archive) as outer:
        manifest = json.load(_member(outer, "manifest.json"))[0]
        config = json.load(_member(outer, manifest["Config"]))
        for name in manifest["Layers"]:
            layer = directory.with_name(f"{directory.name}.layer")
            outer.makefile(outer.getmember(name), layer)
            _apply(layer, directory)
            layer.unlink()
    return Image(root=directory, config=config["config"], architecture=config["architecture"])


def _member(archive: tarfile.TarFile, name: str) -> Any:
    stream = archive.extractfile(name)
    assert stream is not None
    return stream


def _apply(layer: Path, directory: Path) -> None:
    with tarfile.open(layer) as archive:
        names = [Path(name) for name in archive.getnames() if Path(name).name.startswith(REMOVED)]
    for path in names:
        hidden = path.parent if path.name == OPAQUE else path.with_name(path.name.removeprefix(REMOVED))
        subprocess.run(["rm", "-rf", "--", str(directory / hidden)], check=True)
    directory.mkdir(exist_ok=True)
    exclude = f"--exclude={REMOVED}*"
    subprocess.run(["tar", "-C", str(directory), "--numeric-owner", exclude, "-xpf", str(layer)], check=True)


def command_line(
    image: Image, *, uid: int, arguments: Sequence[str], writable: Mapping[str, Path], readable: Mapping[str, Path]
) -> list[str]:
    """Run the image's entrypoint with `arguments` as `uid` of group 0; the maps are places inside: directories outside.

    The process is what was started, no child of it: its pid, signals and exit code are the operator's own.
    """
    mounts = [_bind(outside, image.root, place) for place, outside in (*writable.items(), *readable.items())]
    mounts += [f"mount -o remount,bind,ro {_inside(image.root, place)}" for place in readable]
    root = shlex.quote(str(image.root))
    script = " && ".join(
        [
            f"mount --bind {root} {root}",
            *(f"mkdir -p {_inside(image.root, place)}" for place in ("/proc", "/dev", "/tmp")),  # noqa: S108 - inside
            f"mount --rbind /proc {_inside(image.root, '/proc')}",
            f"mount --rbind /dev {_inside(image.root, '/dev')}",
            f"mount -t tmpfs -o mode=1777 tmpfs {_inside(image.root, '/tmp')}",  # noqa: S108 - inside
            *mounts,
            f"mount -o remount,bind,ro {root}",
            f"exec setpriv --no-new-privs chroot --userspec={uid}:0 --groups= {root} "
            + shlex.join(["/usr/bin/env", "-i", *_environment(image), *image.config["Entrypoint"], *arguments]),
        ]
    )
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]


def _environment(image: Image) -> list[str]:
    return [f"{name}={value}" for name, value in image.environment.items()]


def _bind(outside: Path, root: Path, place: str) -> str:
    inside = _inside(root, place)
    return f"mkdir -p {inside} && mount --bind {shlex.quote(str(outside))} {inside}"


def _inside(root: Path, place: str) -> str:
    return shlex.quote(str(root / place.lstrip("/")))
