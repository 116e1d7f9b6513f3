"""A machine's process: found only where it really is this machine's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fjordkube.helpers.local_vm import process
from tests.unit.local_machine import alive


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that a test starts; ended after it."""
    found: list[subprocess.Popen[bytes]] = []
    yield found
    for each in found:
        each.kill()
        each.wait()


def daemon(started: list[subprocess.Popen[bytes]], *words: str, deaf: bool = False) -> int:
    """Something that runs with these words in its command line; `deaf`: it ignores SIGTERM."""
    ready_read, ready_write = os.pipe()
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if deaf else "pass"
    code = f"import os, signal, time; {ignore}; os.close({ready_write}); time.sleep(40)"
    started.append(subprocess.Popen([sys.executable, "-c", code, *words], pass_fds=[ready_write]))
    os.close(ready_write)
    os.read(ready_read, 1)
    os.close(ready_read)
    return started[-1].pid


def test_process_with_this_pid_file_in_its_words_is_found(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    file = tmp_path / "qemu.pid"
    file.write_text(f"{daemon(started, '-pidfile', str(file))}\n")
    assert process.pid_of(file) == started[0].pid


def test_number_that_now_means_another_process_is_not_taken_for_the_machine(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    file = tmp_path / "qemu.pid"
    stranger = daemon(started, "-pidfile", str(tmp_path / "other" / "qemu.pid"))
    file.write_text(str(stranger))
    assert process.pid_of(file) is None
    with process.held(file) as handle:
        assert handle is None
    process.end(file)
    assert alive(stranger)
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "no number", "-1", "0", "4194305", str(2**40)])
def test_pid_file_that_names_no_process_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "qemu.pid").write_text(text)
    assert process.pid_of(tmp_path / "qemu.pid") is None
    process.end(tmp_path / "qemu.pid")
    assert not (tmp_path / "qemu.pid").exists()


def test_zombie_does_not_run(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    file = tmp_path / "qemu.pid"
    pid = daemon(started, str(file))
    file.write_text(str(pid))
    started[0].kill()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert process.pid_of(file) is None


def test_end_is_polite_and_removes_the_pid_file(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    file = tmp_path / "qemu.pid"
    file.write_text(str(daemon(started, str(file))))
    process.end(file)
    assert started[0].wait(5) == -15
    assert not file.exists()


def test_end_is_firm_with_what_ignores_it(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    file = tmp_path / "qemu.pid"
    file.write_text(str(daemon(started, str(file), deaf=True)))
    before = time.monotonic()
    process.end(file, seconds=0.2)
    assert started[0].wait(5) == -9
    assert time.monotonic() - before >= 0.2


def test_held_process_is_told_gone_only_after_its_end(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    file = tmp_path / "qemu.pid"
    file.write_text(str(daemon(started, str(file))))
    with process.held(file) as handle:
        assert handle is not None
        assert not process.gone(handle, 0.05)
        started[0].kill()
        assert process.gone(handle, 5)


def test_a_session_gives_way_as_a_whole_and_never_our_own() -> None:
    daemon = subprocess.Popen(["sleep", "60"], start_new_session=True)
    own = subprocess.Popen(["sleep", "60"])
    try:
        group = Path(f"/proc/{daemon.pid}/autogroup")
        assert process.give_way(daemon.pid, 6) == group.exists()
        if group.exists():
            assert group.read_text().split()[-2:] == ["nice", "6"]
        assert not process.give_way(own.pid, 6)
    finally:
        for child in (daemon, own):
            child.kill()
            child.wait()
