"""A privileged container is given what its daemon has, where runc would refuse to give it more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kind import runtime

STATUS = "Name:\tdockerd\nCapInh:\t0000000000000000\nCapPrm:\t{}\nCapEff:\t0000000000000000\n"
ALL = "000001ffffffffff"
ALL_BUT_RESOURCE = "000001fffeffffff"
HELD = frozenset({"CAP_CHOWN", "CAP_SYS_ADMIN"})


def _process(*names: str) -> dict[str, Any]:
    return {"args": ["/sbin/init"], "capabilities": {"bounding": list(names), "effective": list(names)}}


@pytest.mark.parametrize(("bits", "has_resource"), [(ALL, True), (ALL_BUT_RESOURCE, False)])
def test_what_a_process_may_do_is_read_by_the_names_that_runc_knows(bits: str, *, has_resource: bool) -> None:
    held = runtime.held(STATUS.format(bits))

    assert ("CAP_SYS_RESOURCE" in held) is has_resource
    assert held >= {"CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"}


def test_a_right_that_nobody_has_is_not_asked_for_and_everything_else_stays() -> None:
    asked = _process("CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_SYS_ADMIN")

    assert runtime.lowered(asked, HELD) == _process("CAP_CHOWN", "CAP_SYS_ADMIN")


def test_a_process_that_asks_for_no_rights_gets_none() -> None:
    assert runtime.lowered({"args": ["true"]}, HELD) == {"args": ["true"], "capabilities": {}}


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["--root", "/run/r", "create", "--bundle", "/b", "--pid-file", "/p", "name"], Path("/b/config.json")),
        (["exec", "--process", "/folder/one-more", "name"], Path("/folder/one-more")),
        (["--root", "/run/r", "delete", "--force", "name"], None),
    ],
)
def test_what_is_to_be_run_is_where_runcs_options_say(arguments: list[str], file: Path | None) -> None:
    assert runtime.named(arguments) == file


@pytest.mark.parametrize("is_container", [True, False])
def test_a_containers_configuration_and_one_more_process_of_it_are_both_lowered(
    tmp_path: Path, *, is_container: bool
) -> None:
    process = _process("CAP_SYS_RESOURCE", "CAP_CHOWN")
    file = tmp_path / "asked.json"
    file.write_text(json.dumps({"hostname": "node", "process": process} if is_container else process))

    runtime.rewrite(file, HELD)
    content = json.loads(file.read_text())

    assert (content["process"] if is_container else content) == _process("CAP_CHOWN")
    assert content.get("hostname", "node") == "node"
