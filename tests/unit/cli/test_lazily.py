"""Subcommands that are imported when asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from auditwatch.cli.lazily import LATE
from auditwatch.cli.main import app


@pytest.mark.parametrize("name", [*LATE, "scan", "policy", "test", "crds"])
def test_every_subcommand_is_listed_and_has_a_help_text(name: str) -> None:
    runner = CliRunner()
    assert name in runner.invoke(app, ["--help"]).stdout
    helped = runner.invoke(app, [name, "-h"])
    assert helped.exit_code == 0
    assert "Usage" in helped.stdout


def test_a_subcommand_that_does_not_exist_exits_with_2() -> None:
    assert CliRunner().invoke(app, ["scna"]).exit_code == 2


def test_a_scan_imports_nothing_of_the_operator() -> None:
    heavy = "{'kopf', 'kubernetes', 'aiohttp', 'asyncio'}"
    code = f"import sys, auditwatch.cli.main; print(sorted({heavy} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
