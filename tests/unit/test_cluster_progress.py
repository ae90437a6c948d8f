"""What somebody sees who waits for a long build."""

import io

import pytest

from tests.cluster.progress import Progress, Reporter, duration

MESSAGES = """\
go: downloading k8s.io/api v0.37.2
go: downloading golang.org/x/net v0.60.0
internal/goarch
k8s.io/api/core/v1
# k10-auditwatch.io/tests/cluster/k10apis
k10apis/main.go:7:2: undefined: nothing
"""


def test_downloads_and_packages_are_counted_and_errors_are_neither() -> None:
    assert Progress.read(MESSAGES, name="k10apis", total=40) == Progress(
        name="k10apis", total=40, compiled=2, downloaded=2
    )


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(name="kubernetes", total=9), "building kubernetes: 1m 15s"),
        (Progress(name="kubernetes", total=9, downloaded=3), "building kubernetes: 1m 15s, 3 modules downloaded"),
        (
            Progress(name="kubernetes", total=9, downloaded=3, compiled=5),
            "building kubernetes: 1m 15s, 5 of 9 packages compiled",
        ),
        (Progress(name="k10apis", total=0, compiled=2), "building k10apis: 1m 15s, 2 of 2 packages compiled"),
    ],
)
def test_progress_is_described_in_one_line(progress: Progress, text: str) -> None:
    assert progress.describe(75) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.9, "0s"), (59.9, "59s"), (60, "1m 00s"), (545, "9m 05s")])
def test_durations_read_like_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_log_gets_a_line_every_fifteen_seconds() -> None:
    output = io.StringIO()
    reporter = Reporter(output=output, terminal=False)

    for second in range(32):
        reporter.tick(Progress(name="kubernetes", total=9), seconds=second)

    assert output.getvalue() == "building kubernetes: 15s\nbuilding kubernetes: 30s\n"


def test_a_terminal_gets_one_line_that_moves() -> None:
    output = io.StringIO()
    reporter = Reporter(output=output, terminal=True)

    for second in (1, 2):
        reporter.tick(Progress(name="kubernetes", total=9), seconds=second)
    reporter.finish("kubernetes", seconds=2)

    assert "\n" not in output.getvalue()
    assert output.getvalue().split("\r\033[K")[1:] == ["building kubernetes: 1s", "building kubernetes: 2s", ""]


@pytest.mark.parametrize(("seconds", "text"), [(9.0, ""), (70.0, "built kubernetes in 1m 10s\n")])
def test_only_a_build_that_took_long_is_announced(seconds: float, text: str) -> None:
    output = io.StringIO()

    Reporter(output=output, terminal=False).finish("kubernetes", seconds=seconds)

    assert output.getvalue() == text
