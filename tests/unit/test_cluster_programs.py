"""Where built binaries are kept, and when a build may be reused."""

import os
from pathlib import Path

import pytest

from tests.cluster.programs import (
    CERT_MANAGER,
    K10APIS,
    KUBE_ROUTER,
    KUBERNETES,
    Program,
    cache_directory,
    digest,
    install,
    prune,
)


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module with the two programs' sources."""
    files = {
        "go.mod": "module m\n",
        "go.sum": "",
        "kubernetes/main.go": "package main\n",
        "k10apis/main.go": "package main\n",
        "k10apis/server/rest.go": "package server\n",
        "certmanager/go.mod": "module c\n",
        "certmanager/go.sum": "",
        "certmanager/main.go": "package main\n",
        "networkpolicies/go.mod": "module n\n",
        "networkpolicies/go.sum": "",
    }
    for name, content in files.items():
        path = tmp_path / "module" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "module"


def _digest(module: Path, program: Program = K10APIS, version: str = "go1.26.6") -> str:
    return digest(program, module=module, go_version=version)


@pytest.mark.parametrize("changed", ["go.mod", "go.sum", "k10apis/main.go", "k10apis/server/rest.go"])
def test_a_changed_input_means_another_build(module: Path, changed: str) -> None:
    before = _digest(module)

    (module / changed).write_text("changed\n")

    assert _digest(module) != before


@pytest.mark.parametrize(
    ("program", "changed", "again"),
    [
        (CERT_MANAGER, "certmanager/main.go", True),
        (CERT_MANAGER, "certmanager/go.sum", True),
        (CERT_MANAGER, "go.sum", False),
        (KUBE_ROUTER, "networkpolicies/go.mod", True),
        (KUBE_ROUTER, "certmanager/go.mod", False),
        (KUBERNETES, "certmanager/go.mod", False),
    ],
    ids=str,
)
def test_a_program_is_built_again_for_the_lock_of_its_own_module(
    module: Path, program: Program, changed: str, *, again: bool
) -> None:
    before = _digest(module, program)

    (module / changed).write_text("changed\n")

    assert (_digest(module, program) != before) is again


def test_a_new_or_renamed_source_means_another_build(module: Path) -> None:
    before = _digest(module)
    (module / "k10apis/server/rest.go").rename(module / "k10apis/server/store.go")
    renamed = _digest(module)
    (module / "k10apis/table.json").write_text("{}")

    assert len({before, renamed, _digest(module)}) == 3


def test_another_compiler_means_another_build(module: Path) -> None:
    assert _digest(module, version="go1.26.6") != _digest(module, version="go1.26.8")


def test_a_change_of_the_stand_in_does_not_rebuild_kubernetes(module: Path) -> None:
    before = _digest(module, KUBERNETES)

    (module / "k10apis/main.go").write_text("changed\n")

    assert _digest(module, KUBERNETES) == before


def test_tests_of_the_sources_are_not_inputs(module: Path) -> None:
    before = _digest(module)

    (module / "k10apis/main_test.go").write_text("package main\n")

    assert _digest(module) == before


def test_a_build_is_installed_with_its_links(tmp_path: Path) -> None:
    built = tmp_path / "built"
    built.write_text("binary")

    install(built, program=KUBERNETES, directory=tmp_path / "bin" / "0123")

    found = {path.name: path.read_text() for path in (tmp_path / "bin" / "0123").iterdir()}
    assert found == dict.fromkeys(("kubernetes", "kubectl", "helm"), "binary")
    assert [path.name for path in (tmp_path / "bin").iterdir()] == ["0123"]


def test_the_leftover_of_a_killed_install_is_replaced(tmp_path: Path) -> None:
    leftover = tmp_path / "bin" / "0123.new"
    leftover.mkdir(parents=True)
    (leftover / "kubernetes").write_text("half a binary")
    built = tmp_path / "built"
    built.write_text("binary")

    install(built, program=KUBERNETES, directory=tmp_path / "bin" / "0123")

    assert (tmp_path / "bin" / "0123" / "kubernetes").read_text() == "binary"


def test_only_the_builds_used_last_are_kept(tmp_path: Path) -> None:
    for age, name in enumerate(("newest", "newer", "old", "older")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "k10apis").touch()
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "of-another-program").mkdir()
    (tmp_path / "of-another-program" / "kubernetes").touch()

    removed = prune(tmp_path, program=K10APIS, keep=2)

    assert [path.name for path in removed] == ["old", "older"]
    assert {path.name for path in tmp_path.iterdir()} == {"newest", "newer", "of-another-program"}


def test_the_cache_follows_the_xdg_convention(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "k10-auditwatch"

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_directory() == tmp_path / "home" / ".cache" / "k10-auditwatch"
