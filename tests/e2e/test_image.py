"""The image as built: what is in it and what is not, and that it runs as any user on a read-only root."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.controlplane import ControlPlane
from tests.cluster.skipping import skipped_where_impossible
from tests.images import buildah
from tests.images.emulation import EMULATORS, emulated
from tests.images.project import project_image
from tests.images.rootfs import Image, command_line, unpack
from tests.k10.standin import K10StandIn
from tests.live.installation import ACCOUNT, NAMESPACE, Installation

RANDOM_UID = 1_000_720_000
"""As OpenShift gives out: in no passwd file."""
LOCK = Path(__file__).parents[2] / "requirements" / "runtime.txt"
STATE, CONFIGURATION = "/var/lib/auditwatch", "/etc/auditwatch"
BUILD_TOOLS = re.compile(r"(pip[\d.]*|uv|gcc|cc|g\+\+|c\+\+|make|ld|curl|wget|git|busybox|hatchling)")
IDLE_SECONDS = 5.0
OWN = buildah.architecture()
FOREIGN = next(each for each in sorted(EMULATORS) if each != OWN)
MACHINES = {"amd64": 0x3E, "arm64": 0xB7}
"""e_machine of an ELF header (ELF-64, AMD64 and AArch64 supplements), two bytes from the 18th on."""


@pytest.fixture(scope="module", params=[OWN, pytest.param(FOREIGN, marks=pytest.mark.e2e)])
def architecture(request: pytest.FixtureRequest) -> Iterator[str]:
    """Whom the image is for; the programs of the one that is not this machine's are run by QEMU."""
    if os.geteuid() != 0:
        pytest.skip("runs the image in a mount namespace: needs root")
    with skipped_where_impossible(f"an image for {request.param} cannot be run here"), emulated(request.param):
        yield request.param


@pytest.fixture(scope="module")
def archive(architecture: str, image_archive: Path) -> Path:
    """The image as a docker-archive; whoever can build none skips with ``image_archive``."""
    return image_archive if architecture == OWN else project_image(architecture)


@pytest.fixture(scope="module")
def image(archive: Path) -> Iterator[Image]:
    """The image's files, removed when the tests of this module end."""
    with tempfile.TemporaryDirectory(prefix="auditwatch-image-") as directory:
        yield unpack(archive, Path(directory) / "root")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory for the state and one for the configuration, the first as a volume is for a random user."""
    for name in ("state", "configuration"):
        (tmp_path / name).mkdir()
    os.chown(tmp_path / "state", 0, 0)
    (tmp_path / "state").chmod(0o770)
    return tmp_path


def contained(image: Image, outside: Path, *arguments: str, uid: int = RANDOM_UID) -> list[str]:
    return command_line(
        image,
        uid=uid,
        arguments=arguments,
        writable={STATE: outside / "state"},
        readable={CONFIGURATION: outside / "configuration"},
    )


def answer(image: Image, outside: Path, *arguments: str, uid: int = RANDOM_UID) -> subprocess.CompletedProcess[str]:
    argv = contained(image, outside, *arguments, uid=uid)
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)


def test_the_user_is_a_number_and_not_root(image: Image) -> None:
    """A kubelet told runAsNonRoot cannot tell of a name whether it is root."""
    assert image.config["User"] == "65532:65532"


def test_the_entrypoint_is_a_program_and_not_a_shell(image: Image) -> None:
    program, *rest = image.config["Entrypoint"]

    assert rest == ["-m", "auditwatch"]
    assert (image.root / program.lstrip("/")).is_symlink()
    assert image.config["Cmd"] == ["run"]
    assert image.config.get("StopSignal") == "SIGTERM"


def test_the_labels_say_what_it_is_and_from_which_commit(image: Image) -> None:
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in image.config["Labels"].items()}

    assert labels["title"] == "k10-auditwatch"
    assert labels["licenses"] == "Apache-2.0"
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", labels["revision"])


def test_every_program_in_it_is_for_the_machine_it_says(image: Image, architecture: str) -> None:
    heads = [_head(path) for path in image.root.rglob("*") if path.is_file() and not path.is_symlink()]
    programs = [head for head in heads if head.startswith(b"\x7fELF")]

    assert image.architecture == architecture
    assert len(programs) > 100
    assert {int.from_bytes(head[18:20], "little") for head in programs} == {MACHINES[architecture]}


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(20)


def test_it_holds_exactly_what_the_lock_file_names(image: Image) -> None:
    """On every architecture the same; where a marker stands, an operating system or interpreter may leave it out."""
    lines = re.findall(r"^([\w.-]+)==([^ ;\\]+)( *;)?", LOCK.read_text(), flags=re.MULTILINE)
    locked = {_normal(name): version for name, version, _ in lines}
    everywhere = {_normal(name) for name, _, marker in lines if not marker}
    found = {
        _normal(name): version
        for path in (image.root / "opt/auditwatch/lib").glob("python3*/site-packages/*.dist-info")
        for name, version in [path.name.removesuffix(".dist-info").split("-")]
    }

    assert found.items() <= locked.items()
    assert everywhere <= found.keys()
    assert {"aiohttp", "msgspec", "pydantic-core"} <= everywhere


def _normal(name: str) -> str:
    """As the index compares names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_nothing_that_installs_or_compiles_is_left(image: Image) -> None:
    found = [
        path
        for place in ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "opt/auditwatch")
        for path in (image.root / place).rglob("*")
        if path.parent.name in {"bin", "sbin"} and BUILD_TOOLS.fullmatch(path.name)
    ]

    assert found == []
    packages = [path.name for path in image.root.glob("**/python3*/*-packages/*")]
    assert "aiohttp" in packages
    assert not {"pip", "setuptools", "hatchling", "pytest"} & set(packages)
    assert not [*image.root.glob("**/ensurepip"), *image.root.glob("**/pip-*.whl")]


def test_how_the_builder_reached_packages_is_not_in_the_image(image: Image) -> None:
    assert not list((image.root / "run" / "secrets").glob("*"))
    assert not (image.root / "etc" / "pip.conf").exists()
    assert not {name for name in image.environment if name.upper().startswith("PIP") or name.upper().endswith("PROXY")}


def test_every_module_has_bytecode_that_needs_no_look_at_its_source(image: Image) -> None:
    modules = [
        path
        for place in ("project/auditwatch", "lib")
        for path in (image.root / "opt/auditwatch" / place).rglob("*.py")
        if not path.parent.name.startswith("__pycache__")
    ]
    compiled = {path: list((path.parent / "__pycache__").glob(f"{path.stem}.cpython-*.pyc")) for path in modules}

    assert len(modules) > 500
    assert [path for path, found in compiled.items() if not found] == []
    # PEP 552: flags 1 = by hash, unchecked.
    assert {found[0].read_bytes()[4:8] for found in compiled.values()} == {b"\x01\0\0\0"}


@pytest.mark.parametrize("uid", [65532, RANDOM_UID])
def test_any_user_may_ask_for_the_version(image: Image, outside: Path, uid: int) -> None:
    done = answer(image, outside, "--version", uid=uid)

    assert (done.returncode, done.stderr) == (0, "")
    assert "0.1.0" in done.stdout


def test_the_root_is_read_only_in_these_tests(image: Image, outside: Path) -> None:
    """Or the tests below would prove nothing."""
    written = ("crds", "--output-dir", "/opt/auditwatch/written")

    done = answer(image, outside, *written, uid=0)

    assert done.returncode != 0
    assert "Read-only file system" in done.stdout + done.stderr


def test_a_random_user_scans_an_audit_log(image: Image, outside: Path) -> None:
    (outside / "configuration" / "audit.log").write_text(json.dumps(_deletion()) + "\n")

    done = answer(image, outside, "scan", f"{CONFIGURATION}/audit.log", "--output", "json")

    assert done.returncode == 1, done.stderr
    assert "policy-deleted" in done.stdout


def _deletion() -> dict[str, Any]:
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": "a",
        "verb": "delete",
        "stage": "ResponseComplete",
        "user": {"username": "mallory", "groups": ["system:authenticated"]},
        "requestURI": "/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/daily",
        "objectRef": {
            "resource": "policies",
            "namespace": "kasten-io",
            "name": "daily",
            "apiGroup": "config.kio.kasten.io",
            "apiVersion": "v1alpha1",
        },
        "responseStatus": {"code": 200},
        "sourceIPs": ["192.0.2.7"],
        "requestReceivedTimestamp": "2026-01-02T03:04:05.000000Z",
        "stageTimestamp": "2026-01-02T03:04:05.100000Z",
    }


class FromImage(Installation):
    """The operator out of the image instead of the checkout, with the same account and rights."""

    def __init__(self, cluster: ControlPlane, *, image: Image, outside: Path) -> None:
        journal = {"path": f"{STATE}/journal.db", "durable": True}
        super().__init__(cluster, directory=outside / "configuration", settings={"journal": journal})
        self._image = image
        self._outside = outside

    def start(self) -> None:
        kubeconfig = self.directory / "kubeconfig"
        kubeconfig.write_bytes(self.cluster.service_account_kubeconfig(NAMESPACE, ACCOUNT, seconds=3600).read_bytes())
        (self.directory / "auditwatch.yaml").write_text(yaml.safe_dump(self._settings))
        kubeconfig.chmod(0o644)
        where = ("--config", f"{CONFIGURATION}/auditwatch.yaml", "--kubeconfig", f"{CONFIGURATION}/kubeconfig")
        argv = contained(self._image, self._outside, "run", *where, "--namespace", NAMESPACE)
        self._process = self.cluster.start_process(self._name, argv)


def test_a_random_user_runs_the_operator_on_a_read_only_root(
    image: Image, archive: Path, outside: Path, quiet_k10: K10StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ready, idle and ended as asked; how long it took and what it weighs is printed, never judged."""
    operator = FromImage(quiet_k10.cluster, image=image, outside=outside)
    operator.install()
    begun = time.monotonic()
    operator.start()
    try:
        operator.wait_ready()
        ready = time.monotonic() - begun
        time.sleep(IDLE_SECONDS)
        memory = operator.rss()
        code = operator.terminate()
    finally:
        operator.stop()
        operator.clean_up()

    with capsys.disabled():
        size = archive.stat().st_size
        print(f"\nimage {size / 1e6:.0f} MB, start to ready {ready:.1f} s, idle {memory / 1e6:.0f} MB")  # noqa: T201
    assert code == 0, operator.tail()
    assert (outside / "state" / "journal.db").stat().st_uid == RANDOM_UID
