"""Metrics say what the rooms know at the moment of the scrape, under stable names and without names of people."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.core import Metric

from auditwatch import __version__
from auditwatch.runtime.figures import EngineFigures
from auditwatch.runtime.metrics import AuditFigures, KindFigures, OperatorFigures, registry_of

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
EVERYTHING = OperatorFigures(
    audit=[
        AuditFigures(
            source="audit-log",
            instance="cp-1",
            state="Reading",
            silent_seconds=2.0,
            read=12,
            selected=10,
            undecodable={"Torn": 11},
            refused={"NoRoom": 13},
            gaps={"Deleted": 14},
        )
    ],
    engine=EngineFigures(
        problems={"match": 2}, refused=3, queue_waiting=4, pruned=5, is_full=True, used_bytes=1, limit_bytes=2
    ),
    kinds=[KindFigures(kind="pods", state="Watching", objects=3, silent_seconds=1.5, unreadable=6)],
    visibility={"ns/k10": {"Partial": 4}},
    findings={("ns/k10", "policy-paused", "High"): 2},
    unknown_outcomes={("ns/k10", "policy-paused"): 7},
    folded=8,
    refused={"ns/k10": 10},
    given_up=15,
    duplicates=9,
    default_watch_missing=True,
)


def families() -> dict[str, Metric]:
    """By the name that is scraped."""
    found = registry_of(lambda: EVERYTHING).collect()
    return {f"{family.name}_total" if family.type == "counter" else family.name: family for family in found}


def documented() -> dict[str, tuple[str, set[str]]]:
    """Name → (type, labels), from the rows of the page."""
    rows = [line.split("|")[1:4] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {
        name: (kind.strip(), {label.strip() for label in labels.split(",") if label.strip()})
        for names, kind, labels in rows
        for name in re.findall(r"`(\w+)`", names)
    }


def test_the_page_of_metrics_lists_what_is_served_and_nothing_else() -> None:
    served = {
        name: (family.type, {label for sample in family.samples for label in sample.labels})
        for name, family in families().items()
    }

    assert documented() == served


def test_what_was_refused_folded_passed_over_or_unreadable_is_counted() -> None:
    text = scraped(EVERYTHING)

    for line in (
        "auditwatch_deliveries_refused_total 3.0",
        "auditwatch_queue_waits_total 4.0",
        "auditwatch_log_rows_pruned_total 5.0",
        "auditwatch_journal_full 1.0",
        "auditwatch_default_watch_missing 1.0",
        'auditwatch_kind_unreadable_objects_total{kind="pods"} 6.0',
        "auditwatch_signals_folded_total 8.0",
        "auditwatch_signals_known_total 9.0",
        'auditwatch_audit_undecodable_total{instance="cp-1",reason="Torn",source="audit-log"} 11.0',
        'auditwatch_audit_refused_total{instance="cp-1",reason="NoRoom",source="audit-log"} 13.0',
        'auditwatch_audit_gaps_total{instance="cp-1",reason="Deleted",source="audit-log"} 14.0',
    ):
        assert line in text


def scraped(figures: OperatorFigures) -> str:
    return generate_latest(registry_of(lambda: figures)).decode()


def test_the_build_names_its_version() -> None:
    assert "auditwatch_build_info{python=" in scraped(OperatorFigures(engine=EngineFigures()))
    assert f'version="{__version__}"' in scraped(OperatorFigures(engine=EngineFigures()))


def test_the_engines_backlog_is_what_is_logged_and_not_yet_matched() -> None:
    text = scraped(OperatorFigures(engine=EngineFigures(last_sequence=12, detected_sequence=7, problems={"match": 2})))

    assert "auditwatch_log_backlog_rows 5.0" in text
    assert 'auditwatch_engine_problems_total{doing="match"} 2.0' in text


def test_each_kind_shows_its_state_and_how_long_it_was_silent() -> None:
    kind = KindFigures(kind="config.kio.kasten.io/policies", state="Watching", objects=3, silent_seconds=1.5)
    text = scraped(OperatorFigures(engine=EngineFigures(), kinds=[kind]))

    assert 'auditwatch_kind_objects{kind="config.kio.kasten.io/policies"} 3.0' in text
    assert 'auditwatch_kind_state{kind="config.kio.kasten.io/policies",state="Watching"} 1.0' in text
    assert 'auditwatch_kind_silent_seconds{kind="config.kio.kasten.io/policies"} 1.5' in text


def test_every_level_of_visibility_is_shown_even_at_zero() -> None:
    text = scraped(OperatorFigures(engine=EngineFigures(), visibility={"ns/k10": {"Partial": 4}}))

    assert 'auditwatch_rules{visibility="Partial",watch="ns/k10"} 4.0' in text
    assert 'auditwatch_rules{visibility="Blind",watch="ns/k10"} 0.0' in text


def test_findings_are_counted_by_watch_rule_and_severity_only() -> None:
    text = scraped(OperatorFigures(engine=EngineFigures(), findings={("ns/k10", "policy-paused", "High"): 2}))

    assert 'auditwatch_findings{rule="policy-paused",severity="High",watch="ns/k10"} 2.0' in text


def test_a_scrape_reads_the_figures_of_its_own_moment() -> None:
    moments = iter(
        [OperatorFigures(engine=EngineFigures(), backlog=1), OperatorFigures(engine=EngineFigures(), backlog=9)]
    )
    registry = registry_of(lambda: next(moments))

    assert "auditwatch_findings_backlog 1.0" in generate_latest(registry).decode()
    assert "auditwatch_findings_backlog 9.0" in generate_latest(registry).decode()
