"""What `make` runs first on a fresh machine, and on one where another Python came meanwhile."""

from __future__ import annotations

import importlib.util
import platform
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

SCRIPT = Path(__file__).parents[2] / "scripts" / "environment.py"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_by(venv: Path, version: str, *, key: str = "version") -> Path:
    venv.mkdir()
    (venv / "pyvenv.cfg").write_text(f"home = /usr/bin\n{key} = {version}\n")
    return venv


def test_packages_are_installed_from_the_lock_file_with_hashes(script: ModuleType, tmp_path: Path) -> None:
    for uv in (None, "/bin/uv"):
        make, install, project = script.commands(tmp_path / "none", uv)
        assert "--clear" not in make
        assert install[-3:] == ["--require-hashes", "-r", "requirements/dev.txt"]
        assert "--no-deps" in project


@pytest.mark.parametrize("key", ["version", "version_info"])
def test_an_environment_of_this_python_is_kept(script: ModuleType, tmp_path: Path, key: str) -> None:
    venv = made_by(tmp_path / "venv", platform.python_version(), key=key)

    assert "--clear" not in script.commands(venv, None)[0]
    assert "--allow-existing" in script.commands(venv, "/bin/uv")[0]


@pytest.mark.parametrize("uv", [None, "/bin/uv"])
def test_an_environment_of_another_python_is_made_anew(script: ModuleType, tmp_path: Path, uv: str | None) -> None:
    venv = made_by(tmp_path / "venv", "3.10.1")

    assert "--clear" in script.commands(venv, uv)[0]


def test_a_python_that_is_too_old_or_too_new_is_refused_with_the_fix(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))

    assert script.main(tmp_path / "venv") == 1
    assert "make PYTHON=" in capsys.readouterr().out
    assert not (tmp_path / "venv").exists()


def test_no_property_fails_for_the_time_it_takes_on_a_busy_machine() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
