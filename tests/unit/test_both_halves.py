"""All tests as two processes: one bad half is a bad run, and each half's words are there."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "both_halves.py"
READ = runpy.run_path(str(SCRIPT))


@pytest.mark.parametrize(
    ("codes", "expected"), [((0, 0), 0), ((0, 5), 0), ((5, 0), 0), ((5, 5), 5), ((1, 0), 1), ((0, 1), 1), ((2, 5), 2)]
)
def test_a_run_is_as_bad_as_its_worse_half(codes: tuple[int, int], expected: int) -> None:
    assert READ["verdict"](codes) == expected


def test_every_folder_of_tests_is_in_one_half() -> None:
    with_tests = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}
    halves = (*READ["PARTS"], *READ["WHOLE"])
    assert [folder for folder in sorted(with_tests) if not folder.startswith(halves)] == []


def test_both_halves_take_the_options_and_are_shown() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--version"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count(f"pytest {pytest.__version__}") == 2


def test_a_bad_option_is_a_bad_run() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--no-such"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
