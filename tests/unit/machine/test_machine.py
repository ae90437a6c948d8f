"""What the other machine is started with, and what is said where there is none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.errors import ClusterError
from tests.machine import kernel, machine

DEPENDS = """\
linux-image-amd64
  Depends: linux-image-6.1.0-57-amd64
  Conflicts: <linux-image-amd64-signed-template>
"""
SHOW = "import json, os, sys; print(json.dumps([os.getcwd(), os.environ['SAID'], sys.argv[1:]]))"


def test_the_newest_kernel_is_the_one_that_debians_package_depends_on() -> None:
    assert kernel.newest(DEPENDS) == "linux-image-6.1.0-57-amd64"


@pytest.mark.parametrize("depends", ["", "linux-image-amd64\n"])
def test_where_apt_knows_no_kernel_it_is_said_what_to_do(depends: str) -> None:
    with pytest.raises(ClusterError, match="run apt-get update"):
        kernel.newest(depends)


def test_a_command_arrives_as_it_was_given_with_its_folder_and_variables(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    said = 'it\'s "quoted" and $HOME\nin two lines'
    script = machine.job(
        [sys.executable, "-c", SHOW, "two words", "*"],
        folder=folder,
        environment={"SAID": said, "BASH_FUNC_x%%": "() { :; }", "PATH": os.environ["PATH"]},
    )

    shown = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True).stdout

    assert json.loads(shown) == [str(folder), said, ["two words", "*"]]


def test_the_commands_exit_code_is_the_machines(tmp_path: Path) -> None:
    (tmp_path / machine.CODE).write_text("7\n")

    assert machine._code(tmp_path / machine.CODE) == 7


@pytest.mark.parametrize("text", [None, ""])
def test_a_machine_that_ends_early_is_an_error_and_no_success(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / machine.CODE).write_text(text)

    with pytest.raises(ClusterError, match="ended before the command did"):
        machine._code(tmp_path / machine.CODE)


def test_it_sees_all_files_and_may_write_to_one_folder_alone_and_has_no_network() -> None:
    argv = machine.command(Path("/k"), Path("/i"), Path("/handed"), memory="1G", accelerator="tcg")

    shares = [each for each in argv if each.startswith("local,")]
    assert [("path=/," in each, "readonly=on" in each) for each in shares] == [(True, True), (False, False)]
    assert argv[argv.index("-nic") + 1] == "none"
    assert argv[argv.index("-m") + 1] == "1G"


def test_a_command_is_asked_for() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.machine"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert "COMMAND is missing" in done.stderr
