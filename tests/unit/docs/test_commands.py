"""Commands in the documentation do what it says, or say which platform they need; no third kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.docs import surroundings
from tests.unit.docs.blocks import PLACES, Block, blocks, blocks_in, pages, pages_that_run
from tests.unit.docs.running import PageError, play

OF_COMMANDS = [block for block in blocks() if block.is_of_commands]
OPTIONS = {"exit 1", "exit 2", "in the background", "until it is so"}


@pytest.mark.parametrize("block", OF_COMMANDS, ids=str)
def test_a_block_of_commands_is_run_by_a_test_or_names_the_platform_it_needs(block: Block) -> None:
    assert block.verb in ("run", "needs") or block.platform, "put <!-- run: … --> or <!-- needs: … --> before it"


@pytest.mark.parametrize("block", [block for block in blocks() if block.verb == "run"], ids=str)
def test_what_is_to_be_run_says_where_in_words_that_are_known(block: Block) -> None:
    assert block.place in PLACES
    assert block.options <= OPTIONS


def test_commands_are_found_in_blocks_without_a_language_too() -> None:
    text = "```\nkubectl get pods\n```\n\n```\n  a ──▶ b\n```\n"
    assert [block.is_of_commands for block in blocks_in(text, "page.md")] == [True, False]


@pytest.mark.parametrize("page", pages_that_run("offline"))
def test_commands_that_need_no_cluster_do_what_the_page_says(page: str, tmp_path: Path) -> None:
    surroundings.furnish(tmp_path)
    ran = play(
        list(blocks_in(pages()[page], page)),
        places=frozenset({"offline"}),
        directory=tmp_path,
        environment=surroundings.environment(tmp_path),
    )
    assert ran


def _played(text: str, directory: Path) -> int:
    environment = surroundings.environment(directory)
    found = list(blocks_in(text, "page.md"))
    return play(found, places=frozenset({"offline"}), directory=directory, environment=environment)


def test_a_page_that_says_what_is_not_printed_fails(tmp_path: Path) -> None:
    good = "<!-- run: offline -->\n```console\n$ printf 'a  b 1\\nc\\nd\\n'\na b …\n…\nd\n```\n"
    assert _played(good, tmp_path) == 1
    with pytest.raises(PageError, match="the page says"):
        _played(good.replace("\nd\n", "\ne\n"), tmp_path)


def test_a_command_that_fails_fails_its_page_unless_the_page_says_so(tmp_path: Path) -> None:
    failing = "<!-- run: offline -->\n```sh\nexit 2\n```\n"
    with pytest.raises(PageError, match="exit code 2"):
        _played(failing, tmp_path)
    assert _played(failing.replace("offline", "offline, exit 2"), tmp_path) == 1


def test_a_file_of_a_page_is_there_for_its_commands(tmp_path: Path) -> None:
    assert _played(
        "<!-- file: a.txt -->\n```yaml\nx: 1\n```\n<!-- run: offline -->\n```sh\ngrep x a.txt\n```\n", tmp_path
    )
