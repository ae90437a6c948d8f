"""A Docker daemon whose every file and process ends with the test."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.kind import docker, room


def test_the_daemons_files_are_in_the_folder_or_end_with_its_mounts() -> None:
    options = dict(option.split("=", 1) for option in room.command(Path("/own"), cgroup="mine")[1:])

    assert options["--host"] == "unix:///own/docker.sock"
    assert options["--data-root"] == "/own/data"
    assert options["--exec-root"].startswith("/run/")
    assert options["--pidfile"].startswith("/run/")


def test_the_daemons_cgroup_is_below_the_root_wherever_the_test_is() -> None:
    assert "--cgroup-parent=/mine" in room.command(Path("/own"), cgroup="mine")


def test_the_script_is_one_that_a_shell_reads_and_the_runtime_can_be_run(tmp_path: Path) -> None:
    script = room.write(tmp_path, programs=["/a folder/bin"], cgroup="mine")

    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    assert (tmp_path / room.RUNTIME).stat().st_mode & 0o111


def test_programs_and_libraries_of_docker_are_found_where_its_packages_put_them(tmp_path: Path) -> None:
    (tmp_path / "usr" / "lib" / "x86_64-linux-gnu").mkdir(parents=True)
    (tmp_path / "lib" / "x86_64-linux-gnu").mkdir(parents=True)

    assert docker.programs(tmp_path) == [f"{tmp_path}/usr/bin", f"{tmp_path}/usr/sbin"]
    assert docker.libraries(tmp_path) == [f"{tmp_path}/lib/x86_64-linux-gnu", f"{tmp_path}/usr/lib/x86_64-linux-gnu"]
