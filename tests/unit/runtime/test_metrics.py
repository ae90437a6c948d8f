"""Metrics say what the rooms know at the moment of the scrape, under stable names and without names of people."""

from __future__ import annotations

from prometheus_client import generate_latest

from auditwatch import __version__
from auditwatch.runtime.figures import EngineFigures
from auditwatch.runtime.metrics import KindFigures, OperatorFigures, registry_of


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
