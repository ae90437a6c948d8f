"""The chart of the demo gets what the chosen way of the audit log takes, and its own words are shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.demo import chart, connection


@pytest.mark.parametrize(
    ("way", "parts"),
    [("none", set()), ("file", {"agent"}), ("webhook", {"webhook"}), ("all", {"agent", "webhook"})],
)
def test_each_way_of_the_audit_log_turns_on_its_part_of_the_chart(way: str, parts: set[str], tmp_path: Path) -> None:
    written = yaml.safe_load(chart.write_values(connection.WAYS[way], tmp_path).read_text())

    assert set(written) == {"image", "k10s", *parts}
    assert all(written[part]["enabled"] for part in parts)


def test_the_sender_proves_itself_with_the_secret_that_was_made_for_it() -> None:
    webhook = chart.values(("webhook",))["webhook"]
    secret = list(yaml.safe_load_all(chart.PREPARED))[1]

    assert webhook["tokensSecretName"] == secret["metadata"]["name"]
    assert webhook["instances"][0]["tokenKey"] in secret["stringData"]


def test_of_what_helm_prints_the_notes_are_shown_and_not_what_comes_next() -> None:
    printed = "NAME: x\nNOTES:\nSeen\n  state\nBlind\n  always\n\nNext\n  helm test\n"

    assert chart.told(printed) == "Seen\n  state\nBlind\n  always\n"
