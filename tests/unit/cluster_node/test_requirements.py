"""Where no node can run, one sentence says why and what to do; the fixture turns it into a SKIP."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import __main__ as command
from tests.cluster import build
from tests.cluster.node import cgroups, fixtures
from tests.cluster.node.requirements import NoNodeHereError, check
from tests.images.packages import MissingPackagesError

Refuse = Callable[[str, str], None]


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine on which everything is there and allowed."""
    monkeypatch.delenv("YES", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(cgroups, "is_writable", lambda: True)
    refuse(monkeypatch, "", "")
    return monkeypatch


def refuse(monkeypatch: pytest.MonkeyPatch, word: str, complaint: str) -> None:
    """Programs with this word in their command line fail."""

    def run(argv: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        failed = bool(word) and word in " ".join(argv)
        return subprocess.CompletedProcess(argv, int(failed), "", f"{complaint}\n" if failed else "")

    monkeypatch.setattr("subprocess.run", run)


def without(*missing: str) -> Callable[[str], str | None]:
    return lambda name: None if name in missing else f"/usr/bin/{name}"


def test_a_machine_with_everything_is_taken(able: pytest.MonkeyPatch) -> None:
    assert able
    check()


def test_another_system_is_refused(able: pytest.MonkeyPatch) -> None:
    able.setattr("sys.platform", "darwin")

    with pytest.raises(NoNodeHereError, match="needs Linux"):
        check()


def test_a_person_who_is_not_root_is_refused_before_anything_is_tried(able: pytest.MonkeyPatch) -> None:
    able.setattr("os.geteuid", lambda: 1000)
    refuse(able, "unshare", "tried")

    with pytest.raises(NoNodeHereError, match="a node needs root: kubelet and containerd"):
        check()


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        (" true", "a node needs namespaces of its own, refused here: Operation not permitted"),
        ("veth", r"a node needs cables, bridges and packet rules .*, refused here: Operation not permitted"),
        ("overlay", "a node needs overlay mounts in .*, refused here: Operation not permitted"),
    ],
)
def test_what_the_kernel_refuses_is_said_in_its_words(able: pytest.MonkeyPatch, word: str, sentence: str) -> None:
    refuse(able, word, "Operation not permitted")

    with pytest.raises(NoNodeHereError, match=sentence):
        check()


def test_cgroups_that_cannot_be_made_are_refused(able: pytest.MonkeyPatch) -> None:
    able.setattr(cgroups, "is_writable", lambda: False)

    with pytest.raises(NoNodeHereError, match="/sys/fs/cgroup is read only or has none"):
        check()


def test_missing_packages_are_named_with_the_command_that_brings_them(able: pytest.MonkeyPatch) -> None:
    able.setattr("shutil.which", without("ctr", "containerd", "/usr/lib/cni/bridge"))

    with pytest.raises(MissingPackagesError, match=r"YES=1.*apt-get .* containerd containernetworking-plugins$"):
        check()


def test_up_with_a_node_says_what_is_missing_and_starts_nothing(
    able: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    able.setenv("XDG_STATE_HOME", str(tmp_path))
    able.setattr("shutil.which", without("runc"))
    able.setattr(build, "kubernetes_binary", lambda: pytest.fail("built"))

    assert command.main(["up", "--node", "--k10"]) == 1

    printed = capsys.readouterr()
    assert printed.err.startswith("error: Debian packages are missing: set YES=1")
    assert printed.err.endswith(" runc\n")
    assert printed.out == ""


def test_a_test_on_a_node_is_a_skip_with_the_same_words(able: pytest.MonkeyPatch) -> None:
    able.setattr("shutil.which", without("nft"))

    with pytest.raises(pytest.skip.Exception, match=r"no node can be started here: .*apt-get .* nftables"):
        next(fixtures.node.__wrapped__(Path("/nowhere")))  # type: ignore[attr-defined]
