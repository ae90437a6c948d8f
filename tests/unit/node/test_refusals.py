"""Who asks for a node where none can run is told why: by the command in one line, by a test in its SKIP."""

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster import __main__ as command
from tests.cluster import build
from tests.cluster.node import fixtures, requirements


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine that could run a node, by its kernel and its user."""
    monkeypatch.delenv("YES", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(requirements, "able", lambda: None)
    return monkeypatch


def without(*missing: str) -> Callable[[str], str | None]:
    return lambda name: None if name in missing else f"/usr/bin/{name}"


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
        fixtures.able_machine.__wrapped__()  # type: ignore[attr-defined]
    assert "able_machine" in inspect.signature(fixtures.node.__wrapped__).parameters  # type: ignore[attr-defined]
