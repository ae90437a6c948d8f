"""The namespaces of a node: a script that a shell can read, and nothing that outlives its first process."""

import subprocess
from pathlib import Path

from tests.cluster.node import namespaces

OWN = Path("/own")


def test_the_script_of_the_first_process_is_one_a_shell_can_read() -> None:
    done = subprocess.run(["bash", "-n", "-c", namespaces.script(OWN)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_node_has_parts_of_var_for_itself_and_one_place_for_the_audit_log() -> None:
    script = namespaces.script(OWN)

    for part in namespaces.OWN:
        assert f"mount --bind /own/var/{part} /var/{part}\n" in script
    assert "mount --bind /own/audit /var/log/kubernetes/audit\n" in script
    assert script.index("/own/var/log") < script.index("/own/audit")


def test_nothing_of_the_node_outlives_its_first_process() -> None:
    assert {"--kill-child", "--fork", "--pid"} <= set(namespaces.UNSHARE)
    assert namespaces.start_command(OWN)[-3:-1] == ["bash", "-c"]


def test_a_program_beside_the_node_is_in_its_network_only() -> None:
    assert namespaces.beside(7, ["x"]) == ["nsenter", "--net=/proc/7/ns/net", "x"]
    assert {"--mount", "--net", "--pid", "--root"} <= set(namespaces.inside(7, ["x"]))
