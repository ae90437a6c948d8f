"""Presets that were there before anybody looked: found in what the journal remembers of watched objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditwatch.events.activity import Activity, Target
from auditwatch.journal.errors import JournalError
from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import VersionRow
from auditwatch.runtime.presets import RememberedPresets
from auditwatch.sources.state.observation import Kept

GROUP = "config.kio.kasten.io"
GOLD: dict[str, Any] = {"spec": {"backup": {"retention": {"daily": 7}}}}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(tmp_path / "journal.db", clock=lambda: 0.0, new_id=lambda: "j", new_key=lambda: b"k")
    yield opened
    opened.close()


def _remember(journal: Journal, payload: bytes, uid: str = "u") -> None:
    journal.put_version(f"{GROUP}/policypresets", VersionRow(uid, "1", payload, 0.0, 1))


def _kept(name: str, body: dict[str, Any] | None) -> bytes:
    return msgspec.json.encode(Kept(name=name, namespace="kasten-io", body=body))


def _takes_gold() -> Activity:
    metadata = {"name": "daily", "namespace": "kasten-io"}
    return Activity(
        key="k",
        time=0.0,
        cluster="prod",
        source="state",
        evidence="State",
        verb="update",
        target=Target(group=GROUP, version="v1alpha1", resource="policies", namespace="kasten-io", name="daily"),
        old_object={"metadata": metadata, "spec": {"retention": {"daily": 30}}},
        object={"metadata": metadata, "spec": {"presetRef": {"name": "gold"}}},
    )


def test_a_preset_that_never_changed_is_known_from_the_watched_state(journal: Journal) -> None:
    presets = RememberedPresets()
    assert presets.use(journal) is journal
    _remember(journal, _kept("silver", {}), uid="other")
    _remember(journal, _kept("gold", GOLD))
    assert presets.completed(_takes_gold()).effective == (
        {"retention": {"daily": 30}},
        {"retention": {"daily": 7}},
    )


@pytest.mark.parametrize("payload", [b"{", _kept("gold", None), _kept("tin", GOLD)])
def test_of_a_preset_nobody_could_read_nothing_is_claimed(journal: Journal, payload: bytes) -> None:
    presets = RememberedPresets()
    presets.use(journal)
    _remember(journal, payload)
    assert presets.completed(_takes_gold()).effective is msgspec.UNSET


def test_a_journal_that_cannot_be_read_costs_no_row(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_arguments: object, **_options: object) -> list[VersionRow]:
        raise JournalError(tmp_path, "disk I/O error", "look at the disk")

    presets = RememberedPresets()
    presets.use(journal)
    monkeypatch.setattr(journal, "versions_before", unreadable)
    assert presets.completed(_takes_gold()).effective is msgspec.UNSET


def test_before_there_is_a_journal_nothing_is_known() -> None:
    assert RememberedPresets().completed(_takes_gold()).effective is msgspec.UNSET
