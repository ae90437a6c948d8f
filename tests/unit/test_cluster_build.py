"""Building with a real Go compiler, on a module small enough for a unit test."""

import importlib.util
import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cluster import build, toolchain
from tests.cluster.errors import ClusterError
from tests.cluster.programs import CERT_MANAGER, K10APIS, KUBERNETES

HELLO = 'package main\n\nimport "os"\n\nfunc main() { os.Stdout.WriteString("%s\\n") }\n'
KNOWN = "kubernetes, k10apis, actionlint, certmanager, kube-router, monitoring-objects, kind"


@pytest.fixture(scope="session")
def compiler_cache() -> str:
    """Go's own cache: it follows XDG_CACHE_HOME, and the standard library takes minutes."""
    return subprocess.run(
        [str(toolchain.find_go().path), "env", "GOCACHE"], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler_cache: str) -> Path:
    """A module with two tiny programs, and an empty cache to build them into."""
    module = tmp_path / "module"
    for program in (KUBERNETES, K10APIS):
        (module / program.name).mkdir(parents=True)
        (module / program.name / "main.go").write_text(HELLO % program.name)
    (module / "go.mod").write_text("module example.test/tiny\n\ngo 1.26.0\n")
    (module / "go.sum").touch()
    monkeypatch.setattr(build, "MODULE", module)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GOCACHE", compiler_cache)
    return module


def _run(*command: Path | str) -> str:
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


@pytest.mark.usefixtures("module")
def test_a_built_program_runs_under_all_of_its_names() -> None:
    binary = build.kubernetes_binary()

    names = {path.name: _run(path) for path in binary.parent.iterdir()}

    assert names == dict.fromkeys(("kubernetes", "kubectl", "helm"), "kubernetes\n")


def test_a_program_with_a_module_of_its_own_is_locked_there(module: Path) -> None:
    own = module / CERT_MANAGER.module
    own.mkdir()
    (own / "main.go").write_text(HELLO % "certificates")
    (own / "go.mod").write_text("module example.test/own\n\ngo 1.26.0\n")
    (own / "go.sum").touch()

    assert _run(build.ensure(CERT_MANAGER)) == "certificates\n"


@pytest.mark.usefixtures("module")
def test_the_second_request_finds_the_first_build() -> None:
    first = build.k10apis_binary()
    before = first.stat()

    assert build.k10apis_binary() == first
    assert first.stat() == before


def test_changed_sources_are_built_beside_the_old_ones(module: Path) -> None:
    first = build.k10apis_binary()
    (module / "k10apis" / "main.go").write_text(HELLO % "changed")

    second = build.k10apis_binary()

    assert (_run(first), _run(second)) == ("k10apis\n", "changed\n")


@pytest.mark.usefixtures("module")
def test_two_at_once_build_once(monkeypatch: pytest.MonkeyPatch) -> None:
    builds: list[str] = []
    compile_program = build._compile

    def counted(*args: object, **kwargs: object) -> None:
        builds.append("built")
        compile_program(*args, **kwargs)  # type: ignore[arg-type]  # passed on unseen

    monkeypatch.setattr(build, "_compile", counted)
    output = io.StringIO()
    threads = [threading.Thread(target=build.ensure, args=[K10APIS], kwargs={"output": output}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert builds == ["built"]
    assert output.getvalue().count("waiting for another build") <= 1


def test_a_compiler_error_is_shown_and_nothing_is_left(
    module: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (module / "k10apis" / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")

    code = build.main(["k10apis"])

    assert code == 1
    error = capsys.readouterr().err
    assert error.startswith("error: go build ./k10apis failed in ")
    assert "main.go:3:15: undefined: undefined" in error
    assert [path.name for path in (tmp_path / "cache" / "k10-auditwatch" / "bin").iterdir()] == ["lock"]


@pytest.mark.usefixtures("module")
def test_what_a_killed_build_left_behind_is_removed(tmp_path: Path) -> None:
    abandoned = tmp_path / "cache" / "k10-auditwatch" / "bin" / f"{build.SCRATCH}left"
    abandoned.mkdir(parents=True)

    build.k10apis_binary()

    assert not abandoned.exists()


def test_an_unknown_program_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["minikube"]) == 1
    assert capsys.readouterr().err == f"error: minikube: not one of {KNOWN}\n"


@pytest.mark.parametrize(
    ("version", "enough"),
    [("go1.26", True), ("go1.26.6", True), ("go1.27rc1", True), ("go2.0", True), ("go1.25.9", False), ("devel", False)],
)
def test_the_compilers_age_is_judged(version: str, enough: bool) -> None:  # noqa: FBT001 - a table
    assert toolchain.is_new_enough(version) is enough


def _fake_go(directory: Path, version: str) -> Path:
    directory.mkdir(parents=True)
    go = directory / "go"
    go.write_text(f"#!/bin/sh\necho {version}\n")
    go.chmod(0o755)
    return go


def test_an_old_go_on_path_gives_way_to_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_go(tmp_path / "old", "go1.22.3")
    monkeypatch.setenv("PATH", f"{tmp_path / 'old'}:/bin:/usr/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    wheel = tmp_path / "cache" / "k10-auditwatch" / "go" / toolchain._requirements_digest()
    installed = _fake_go(wheel / "go" / "bin", "go1.26.6")

    assert toolchain.find_go() == toolchain.Go(path=installed, version="go1.26.6")


def test_the_error_says_how_to_get_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(ClusterError, match=r"install Go >= 1\.26 and put it on PATH"):
        toolchain.find_go()


def test_it_runs_as_a_module_and_its_errors_have_no_traceback() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.cluster.build", "minikube"], capture_output=True, text=True, check=False
    )

    assert finished.returncode == 1
    assert finished.stderr == f"error: minikube: not one of {KNOWN}\n"
