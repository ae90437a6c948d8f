"""The Dockerfile by its rules: what a registry's scanner, a restricted cluster and a reproducible build ask of it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PLAIN = re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE).replace("\\\n", " ")
INSTRUCTIONS = [(line.split()[0], line.partition(" ")[2].strip()) for line in PLAIN.splitlines() if line.strip()]
LAST_STAGE = INSTRUCTIONS[max(number for number, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]
RUNS = [rest for word, rest in INSTRUCTIONS if word == "RUN"]
LABELS = ("title", "description", "licenses", "version", "revision", "created", "source")


def last(word: str) -> str:
    return next(rest for each, rest in reversed(LAST_STAGE) if each == word)


def test_every_stage_stands_on_the_one_base_that_a_release_pins() -> None:
    bases = [
        rest.split(" AS ")[0].removeprefix("--platform=$BUILDPLATFORM ")
        for word, rest in INSTRUCTIONS
        if word == "FROM"
    ]

    assert set(bases) <= {"${PYTHON}", "packages"}
    assert INSTRUCTIONS[0] == ("ARG", "PYTHON=python:3.13-slim")


def test_the_name_of_the_base_is_short_and_has_a_version() -> None:
    name = INSTRUCTIONS[0][1].partition("=")[2]

    assert re.fullmatch(r"[a-z]+:\d+\.\d+(-[a-z]+)?", name)


def test_the_user_is_numeric_and_set_last_of_all_that_needs_root() -> None:
    words = [word for word, _ in LAST_STAGE]

    assert last("USER") == "65532:65532"
    assert "RUN" not in words[words.index("USER") :]
    assert "COPY" not in words[words.index("USER") :]


def test_the_entrypoint_is_started_directly_and_the_end_is_asked_for_by_sigterm() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["/opt/auditwatch/bin/python", "-m", "auditwatch"]
    assert json.loads(last("CMD")) == ["run"]
    assert last("STOPSIGNAL") == "SIGTERM"


@pytest.mark.parametrize("name", ["PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONSAFEPATH"])
def test_python_neither_writes_nor_buffers_nor_imports_from_where_it_stands(name: str) -> None:
    assert f"{name}=1" in last("ENV").split()


@pytest.mark.parametrize("name", LABELS)
def test_a_label_of_the_image_specification_is_there(name: str) -> None:
    assert f"org.opencontainers.image.{name}=" in last("LABEL")


def test_packages_come_from_the_locks_with_hashes_and_from_no_named_index() -> None:
    installs = [run for run in RUNS if " install --" in run and "pip" in run]

    assert len(installs) == 3
    assert all("--require-hashes" in run or "--no-index" in run for run in installs)
    assert not re.search(r"--(extra-)?index-url|--trusted-host|://", PLAIN)


def test_nothing_is_compiled_from_source_and_no_system_package_is_added() -> None:
    assert "--only-binary :all:" in " ".join(RUNS)
    assert not re.search(r"\b(apt|apt-get|apk|dnf|yum|gcc|build-essential|curl|wget)\b", PLAIN)


def test_the_last_stage_installs_nothing_and_loses_its_installer() -> None:
    runs = " ".join(rest for word, rest in LAST_STAGE if word == "RUN")

    assert "pip uninstall --yes" in runs
    assert "ensurepip" in runs
    assert not re.search(r"pip[^&]* install ", runs)


def test_the_builds_own_settings_are_secrets_that_stay_out_of_the_image() -> None:
    assert not [rest for word, rest in INSTRUCTIONS if word in {"ENV", "ARG"} and re.search("PIP|PROXY|TOKEN", rest)]


def test_what_older_builders_do_not_know_is_not_used() -> None:
    """Debian 12's buildah: no RUN heredoc, no COPY --link, no TARGETARCH of its own."""
    assert "<<" not in PLAIN
    assert "--link" not in PLAIN
    assert "TARGET" not in PLAIN


def test_the_builder_is_given_nothing_but_what_is_copied() -> None:
    lines = [
        line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    given = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {
        source for word, rest in INSTRUCTIONS if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]
    }

    assert lines[0] == "*"
    assert copied == given


def test_the_wheel_is_built_by_the_locked_version_of_what_pyproject_names() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    plain = [line for line in (ROOT / "requirements/build.in").read_text().splitlines() if not line.startswith("#")]
    lock = (ROOT / "requirements" / "build.txt").read_text(encoding="utf-8")

    assert plain == wanted
    assert all(f"{each} \\\n    --hash=sha256:" in lock for each in wanted)
    assert "://" not in lock
