"""What the page of installation says to set is something that Helm takes: it replaces lists as a whole."""

from __future__ import annotations

import re
import subprocess
from typing import Final

import pytest

from tests.cluster import build
from tests.unit.chart.rendering import APIS, CHART, NAMESPACE, RELEASE, ROOT

PAGE: Final = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
ROWS: Final = re.findall(r"^\|.*`--set '?([^'` ]+)'?`", PAGE, flags=re.MULTILINE)


def test_the_table_of_values_is_found() -> None:
    assert len(ROWS) >= 4


@pytest.mark.parametrize("values", ROWS)
def test_what_the_table_says_to_set_renders(values: str) -> None:
    command = [str(build.kubernetes_binary()), "helm", "template", RELEASE, str(CHART), f"--namespace={NAMESPACE}"]
    served = [f"--api-versions={each}" for each in APIS]
    done = subprocess.run(
        [*command, *served, "--set", values], capture_output=True, text=True, check=False, timeout=600
    )

    assert done.returncode == 0, done.stderr
