"""Locks: one run at a time for a stack, one writer at a time for a machine's files."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fjordkube.helpers.local_vm.locks import locked
from fjordkube.nodes.local import lock
from fjordkube.roots import CHECKOUT
from tests.unit.local_machine import kill, until

HOLD = """
import subprocess, sys, time
from fjordkube.nodes.local import lock
with lock.hold("local"):
    child = subprocess.Popen(["sleep", "40"])
    print(child.pid, flush=True)
    time.sleep(40)
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path))
    monkeypatch.setattr(lock, "POLL_SECONDS", 0.02)


@pytest.fixture
def other() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another run that holds the stack, and a program that it has started."""
    words = [sys.executable, "-c", HOLD]
    with subprocess.Popen(words, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        child = int(run.stdout.readline())
        yield run, child
        run.kill()
        kill(child)


def test_second_run_is_told_who_holds_the_stack(other: tuple[subprocess.Popen[str], int]) -> None:
    expected = (
        rf"^stack local: another run holds it \(process {other[0].pid}, since [-0-9]+ [:0-9]+\); wait for its end"
    )
    with pytest.raises(lock.StackBusy, match=expected), lock.hold("local"):
        pytest.fail("held twice")


def test_other_stack_is_free(other: tuple[subprocess.Popen[str], int]) -> None:
    with lock.hold("staging"):
        pass


def test_waiting_run_says_once_for_whom_and_goes_on_after_its_end() -> None:
    told: list[str] = []
    entered = threading.Event()

    def second() -> None:
        with lock.hold("local", wait=True, say=told.append):
            entered.set()

    with lock.hold("local"):
        waiter = threading.Thread(target=second)
        waiter.start()
        until(lambda: told)
        assert not entered.wait(0.2)
    assert entered.wait(10)
    waiter.join(10)
    (sentence,) = told
    assert sentence.startswith(f"stack local: another run holds it (process {os.getpid()}, since ")
    assert sentence.endswith("; waiting for its end (Ctrl-C to give up)")


def test_lock_ends_with_its_holder_although_what_it_started_lives_on(
    other: tuple[subprocess.Popen[str], int],
) -> None:
    run, child = other
    run.kill()
    run.wait(10)
    assert Path(f"/proc/{child}").exists()
    with lock.hold("local"):
        pass


def test_holder_that_has_not_said_who_it_is_yet_is_told_without_a_name(tmp_path: Path) -> None:
    with lock.hold("local"):
        lock.path("local").write_text("{")
        with pytest.raises(lock.StackBusy, match=r"^stack local: another run holds it; wait"), lock.hold("local"):
            pytest.fail("held twice")


def test_lock_is_given_back_after_a_failure() -> None:
    with pytest.raises(ValueError, match="inside"), lock.hold("local"):
        raise ValueError("inside")
    with lock.hold("local"):
        pass


# --- Of files --------------------------------------------------------------------------------------------------------


def test_locked_file_has_one_holder_at_a_time(tmp_path: Path) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with locked(tmp_path / "a" / "lock"):
                with guard:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.001)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_holder_that_removes_the_file_does_not_split_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    order: list[str] = []
    waiting, release = threading.Event(), threading.Event()

    def second() -> None:
        waiting.set()
        with locked(path):
            order.append("second in")
            release.wait(10)
            order.append("second out")

    with locked(path):
        waiter = threading.Thread(target=second)
        waiter.start()
        waiting.wait(10)
        time.sleep(0.1)  # until it has opened the file that goes
        path.unlink()
    until(lambda: order == ["second in"])
    third = threading.Thread(target=lambda: _note(path, order))
    third.start()
    time.sleep(0.1)
    assert order == ["second in"]
    release.set()
    waiter.join(10)
    third.join(10)
    assert order == ["second in", "second out", "third"]


def _note(path: Path, order: list[str]) -> None:
    with locked(path):
        order.append("third")


def test_folder_may_go_with_the_lock_that_was_the_last_in_it(tmp_path: Path) -> None:
    """As when all machines of the last stack are deleted at once: each one's lock, then the folder of all."""
    path = tmp_path / "vm" / "lock"
    errors: list[OSError] = []

    def delete() -> None:
        for _ in range(500):
            try:
                with locked(path):
                    path.unlink()
                with contextlib.suppress(OSError):  # another's lock is there
                    path.parent.rmdir()
            except OSError as error:
                errors.append(error)

    threads = [threading.Thread(target=delete) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert not path.parent.exists()


def test_lock_where_a_file_is_in_the_way_says_so(tmp_path: Path) -> None:
    (tmp_path / "vm").touch()
    with pytest.raises(FileExistsError, match="vm"), locked(tmp_path / "vm" / "lock"):
        pytest.fail("locked")
