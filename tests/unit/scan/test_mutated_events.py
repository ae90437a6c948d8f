"""Whatever stands where in an audit event: nothing of ours fails on it, and what is whole beside it is found."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditwatch.scan.report import document

from .making import event, log, scanned, shipped
from .mutating import mutated

EVENTS = 60


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_part_of_an_event_makes_a_scan_fail(seed: int, tmp_path: Path) -> None:
    chosen = random.Random(seed)
    whole = event(9, name="known")
    path = log(tmp_path / "audit.log", *(mutated(number, chosen) for number in range(EVENTS)), whole)
    scan, matches = scanned(shipped(), path)

    assert "InternalError" not in scan.figures.trouble, scan.figures.trouble
    assert (EVENTS + 1, ("policy-deleted",)) in [(match.line, match.rules) for match in matches]
    assert document(scan, duration=1.0)["summary"]["lines"] == EVENTS + 1
