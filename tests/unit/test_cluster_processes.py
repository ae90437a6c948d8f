"""Whatever happens to the owner of a control plane, no process and no file stays."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cluster.errors import ClusterError
from tests.cluster.node.entered import Entered
from tests.cluster.processes import Processes
from tests.cluster.waiting import eventually

SLEEP = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('awake', flush=True); time.sleep(600)",
]
OWNER = """\
import json, signal, sys, time
from pathlib import Path
from tests.cluster.processes import Processes

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs in the background of a shell ignores it

processes = Processes(directory=Path(sys.argv[1]))
children = [processes.start(name, json.loads(sys.argv[2])) for name in ("one", "two")]
print(json.dumps([processes.warden_pid, *(child.pid for child in children)]), flush=True)
time.sleep(600)
"""


def _gone(pid: int) -> bool:
    """Zombies count as gone: the test machine may have no init that reaps them."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(directory=tmp_path / "cluster")
    yield started
    started.end()


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process that owns two others, and the pids of the warden and the two."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "cluster"), json.dumps(SLEEP)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as started:
        assert started.stdout
        yield started, json.loads(started.stdout.readline())
        started.kill()


def test_output_goes_to_a_log_per_process(processes: Processes) -> None:
    process = processes.start("greeter", [sys.executable, "-c", "print('hello')"])

    eventually(lambda: process.exit_code() == 0)
    assert (processes.logs / "greeter.log").read_text() == "hello\n"
    assert process.tail() == "hello"


def test_the_environment_of_a_process_can_be_extended(processes: Processes) -> None:
    code = "import os; print(os.environ['GREETING'], 'PATH' in os.environ)"
    process = processes.start("greeter", [sys.executable, "-c", code], environment={"GREETING": "hello"})

    eventually(lambda: process.exit_code() == 0)
    assert process.tail() == "hello True"


def test_a_killed_process_reports_the_signal(processes: Processes) -> None:
    process = processes.start("sleeper", SLEEP)

    assert process.exit_code() is None
    assert process.kill() == -signal.SIGKILL
    assert _gone(process.pid)


def test_a_process_that_ignores_the_request_to_stop_is_killed(processes: Processes) -> None:
    process = processes.start("sleeper", STUBBORN)
    eventually(lambda: process.tail() == "awake")

    assert process.stop(seconds=0.2) == -signal.SIGKILL


def test_a_process_that_obeys_is_not_killed(processes: Processes) -> None:
    process = processes.start("sleeper", SLEEP)

    assert process.stop() == -signal.SIGTERM


def test_a_program_that_does_not_exist_is_an_error_with_its_name(processes: Processes) -> None:
    with pytest.raises(ClusterError, match=r"nothing cannot be started: .*no/such/program"):
        processes.start("nothing", ["no/such/program"])

    assert processes.start("sleeper", SLEEP).exit_code() is None


def test_the_end_leaves_no_process_and_no_directory(tmp_path: Path) -> None:
    processes = Processes(directory=tmp_path / "cluster")
    pids = [processes.start(name, STUBBORN).pid for name in ("one", "two")]

    processes.end()
    processes.end()

    assert all(_gone(pid) for pid in [*pids, processes.warden_pid])
    assert list(tmp_path.iterdir()) == []


def test_a_signal_is_for_the_program_behind_nsenter(processes: Processes) -> None:
    if os.geteuid() != 0:
        pytest.skip("enters namespaces: needs root")
    process = Entered.of(processes.start("sleeper", ["nsenter", f"--target={os.getpid()}", "--pid", "--", *SLEEP]))
    eventually(lambda: process.tail() == "awake")
    inner = process.inner

    assert process.stop() in {-signal.SIGTERM, 128 + signal.SIGTERM}

    assert _gone(inner)
    assert inner != process.pid


def test_processes_survive_the_thread_that_started_them(processes: Processes) -> None:
    started = []
    thread = threading.Thread(target=lambda: started.append(processes.start("sleeper", SLEEP)))
    thread.start()
    thread.join()

    eventually(lambda: started[0].tail() == "awake")
    assert started[0].exit_code() is None


def test_threads_do_not_mix_up_their_answers(processes: Processes) -> None:
    pids: dict[str, int] = {}

    def start(name: str) -> None:
        pids[name] = processes.start(name, [sys.executable, "-c", "import os; print(os.getpid())"]).pid

    threads = [threading.Thread(target=start, args=[f"t{number}"]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(pids) == 8
    for name, pid in pids.items():
        eventually(lambda name=name, pid=pid: (processes.logs / f"{name}.log").read_text() == f"{pid}\n")  # type: ignore[misc]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_survives_the_death_of_the_owner(
    owner: tuple[subprocess.Popen[str], list[int]], tmp_path: Path, number: signal.Signals
) -> None:
    process, pids = owner
    assert not any(_gone(pid) for pid in pids)

    process.send_signal(number)

    eventually(lambda: all(_gone(pid) for pid in pids))
    eventually(lambda: not (tmp_path / "cluster").exists())


def test_the_children_die_with_a_killed_warden(owner: tuple[subprocess.Popen[str], list[int]]) -> None:
    _, (warden, *children) = owner

    os.kill(warden, signal.SIGKILL)

    eventually(lambda: all(_gone(pid) for pid in children))


def test_a_killed_warden_is_reported(processes: Processes) -> None:
    process = processes.start("sleeper", SLEEP)

    os.kill(processes.warden_pid, signal.SIGKILL)

    with pytest.raises(ClusterError, match="sleeper: its supervisor is gone"):
        process.stop()


def test_of_two_things_done_last_the_first_that_was_asked_for_is_the_very_last(tmp_path: Path) -> None:
    processes = Processes(directory=tmp_path / "cluster")
    for word in ("first", "second"):
        processes.do_last(word, ["sh", "-c", f"echo {word} >> {tmp_path / 'order'}"])

    processes.end()

    assert (tmp_path / "order").read_text() == "second\nfirst\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a PID namespace: needs root")
def test_a_namespace_ends_though_a_process_in_it_has_a_parent_outside(processes: Processes) -> None:
    """The kernel keeps its first process until that one is waited for, and who waits is the warden, for either."""
    space = processes.start("space", ["unshare", "--pid", "--fork", "--kill-child", *SLEEP])
    eventually(lambda: space.tail() == "awake")
    (first,) = psutil.Process(space.pid).children()
    entered = processes.start("entered", ["nsenter", f"--target={first.pid}", "--pid", "--", *STUBBORN])
    eventually(lambda: entered.tail() == "awake")
    (inner,) = psutil.Process(entered.pid).children()
    entered.send(signal.SIGSTOP)  # so that it does not wait for its child, and the warden comes to know that one last
    space.kill()

    processes.end()

    assert _gone(first.pid)
    assert _gone(inner.pid)
