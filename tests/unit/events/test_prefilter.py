"""The prefilter selects exactly the lines in which all literals of some needle stand, however many there are."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditwatch.events.holding import NeedleTest
from auditwatch.events.needles import Needle, Needles
from auditwatch.events.prefilter import Prefilter

POLICIES = Needle(('"apiGroup":"config.kio.kasten.io"',))
SECRETS = Needle(('"namespace":"kasten-io"', '"resource":"secrets"'))

# Few characters, so that literals often occur, overlap, and are prefixes of one another.
texts = st.text(alphabet='"a:.b', min_size=1, max_size=6)
needles = st.frozensets(
    st.builds(lambda pair: Needle(tuple(pair)), st.lists(texts, min_size=1, max_size=2)), max_size=9
)
logs = st.lists(st.text(alphabet='"a:.bc\r\x00', max_size=30), max_size=8).map(lambda lines: "\n".join(lines).encode())


def prefilter(*chosen: Needle) -> Prefilter:
    return Prefilter(Needles.of(chosen))


def selected(found: Prefilter, log: bytes) -> list[bytes]:
    return [log[start:end] for start, end in found.lines(log)]


def holds(needle: Needle, line: bytes) -> bool:
    return all(literal.encode() in line for literal in needle.literals)


@given(chosen=needles, log=logs)
@example(chosen=frozenset({Needle(("a",)), Needle(("ab", '"'))}), log=b'ab\n"ab\nb"')
def test_exactly_the_lines_with_all_literals_of_some_needle_are_selected(chosen: frozenset[Needle], log: bytes) -> None:
    wanted = [line for line in log.split(b"\n") if any(holds(needle, line) for needle in chosen)]

    assert selected(Prefilter(Needles.of(chosen)), log) == wanted


@given(chosen=needles, log=logs)
def test_a_line_is_selected_by_itself_as_it_is_among_others(chosen: frozenset[Needle], log: bytes) -> None:
    found = Prefilter(Needles.of(chosen))

    assert [line for line in log.split(b"\n") if found.selects(line)] == selected(found, log)
    assert [line for line in log.split(b"\n") if found.selects(memoryview(line))] == selected(found, log)


@given(chosen=needles, log=logs, data=st.data())
def test_a_part_of_a_buffer_is_searched_as_if_it_were_all(
    chosen: frozenset[Needle], log: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(log)))
    end = data.draw(st.integers(start, len(log)))
    found = Prefilter(Needles.of(chosen))
    part = [(start + first, start + last) for first, last in found.lines(log[start:end])]

    assert list(found.lines(bytearray(log), start, end)) == part


@pytest.mark.parametrize("number", [1, 4, 5, 8, 40])
def test_any_number_of_needles_finds_the_one_line_that_has_one(number: int) -> None:
    chosen = [Needle((f'"name":"object-{index}"', '"resource":"secrets"')) for index in range(number)]
    wanted = b'{"resource":"secrets","name":"object-%d"}' % (number - 1)
    log = b"\n".join([b'{"resource":"secrets","name":"other"}', b'{"name":"object-0"}', b"", wanted, b"{}"])

    assert selected(prefilter(*chosen), log) == [wanted]


def test_groups_that_end_alike_are_told_apart() -> None:
    groups = ["config", "actions", "vault"]
    found = prefilter(*(Needle((f'"apiGroup":"{group}.kio.kasten.io"',)) for group in groups))

    assert found.selects(b'"apiGroup":"vault.kio.kasten.io"')
    assert not found.selects(b'"apiGroup":"apps.kio.kasten.io"')


@pytest.mark.parametrize("written", [r'"a\u003cb\u003e\u0026\u2028"', '"a<b>&\u2028"'])
def test_characters_that_the_api_server_escapes_are_found_escaped_and_plain(written: str) -> None:
    needle = Needle(('"a<b>&\u2028"', '"code":401'))

    assert prefilter(needle).selects(f'{{"name":{written},"code":401}}'.encode())
    assert not prefilter(needle).selects(f'{{"name":{written},"code":403}}'.encode())


def test_without_needles_nothing_is_selected() -> None:
    assert selected(prefilter(), b"a\nb\n") == []
    assert not prefilter().selects(b"a")


def test_where_everything_is_read_every_line_but_an_empty_one_is_selected() -> None:
    everything = Prefilter(Needles.of([POLICIES], reads_everything=True))

    assert selected(everything, b"a\n\nb\r\n\nc") == [b"a", b"b\r", b"c"]
    assert everything.selects(b"anything")
    assert list(everything.lines(b"a\nb\nc\nd", 2, 5)) == [(2, 3), (4, 5)]


def test_a_line_full_of_an_anchor_is_tested_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tested: list[bytes] = []
    holds_in = NeedleTest.holds

    def counted(test: NeedleTest, event: bytes) -> bool:
        tested.append(event)
        return holds_in(test, event)

    monkeypatch.setattr(NeedleTest, "holds", counted)
    line, wanted = SECRETS.literals[0].encode() * 200_000, POLICIES.literals[0].encode()

    assert selected(prefilter(SECRETS, POLICIES), line + b"\n" + wanted) == [wanted]
    assert tested == [line, wanted]


@pytest.mark.parametrize("control", range(1, 32))
def test_a_file_that_is_no_log_is_searched_like_any_other(control: int) -> None:
    found = prefilter(*(Needle((f'"resource":"kind{number}"',)) for number in range(9)))
    noise, wanted = bytes([control]) * 100, b'{"resource":"kind7"}'

    assert selected(found, noise + b"\n" + noise + wanted + noise) == [
        line for line in (noise + wanted + noise).split(b"\n") if wanted in line
    ]


def test_the_digest_says_which_needles_these_are() -> None:
    both = Needles.of([POLICIES, SECRETS])

    assert both.digest == Needles.of([SECRETS, POLICIES]).digest
    assert both.digest != Needles.of([SECRETS]).digest
    assert both.digest != Needles.of([POLICIES, SECRETS], reads_everything=True).digest


@pytest.mark.parametrize("literals", [(), ("a", "b", "c"), ("",), ("a\nb",)])
def test_a_needle_that_cannot_be_searched_for_is_refused(literals: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="one or two non-empty literals"):
        Needle(literals)
