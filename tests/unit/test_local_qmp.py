"""QEMU's control socket: every failure is "no answer", in bounded time."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fjordkube.helpers.local_vm import qmp

Answer = Callable[[Any, str], None]


def tell(stream: Any, entry: object) -> None:
    stream.write(json.dumps(entry) + "\n")
    stream.flush()


@contextmanager
def qemu(answer: Answer, greeting: bool = True) -> Iterator[Path]:
    """A QEMU that greets and answers each command by `answer(stream, command)`."""
    with tempfile.TemporaryDirectory(prefix="fk-", dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder) / "q"
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            link, _ = listener.accept()
            with link, link.makefile("rw") as stream:
                if greeting:
                    tell(stream, {"QMP": {"version": {}}})
                try:
                    for line in stream:
                        answer(stream, json.loads(line)["execute"])
                except (OSError, ValueError):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield path
        thread.join(5)


def good(stream: Any, command: str) -> None:
    tell(stream, {"event": "RESUME"})
    tell(stream, {"return": {"status": "io-error"} if command == "query-status" else {}})


def test_answer_is_found_between_events() -> None:
    with qemu(good) as path:
        assert qmp.status(path) == "io-error"
    with qemu(good) as path:
        assert qmp.power_button(path)


def test_leave_to_reboot_is_an_action_and_an_older_qemu_refuses_it() -> None:
    with qemu(good) as path:
        assert qmp.let_reboot(path)
    with qemu(refuses) as path:
        assert not qmp.let_reboot(path)


def refuses(stream: Any, command: str) -> None:
    tell(stream, {"return": {}} if command == "qmp_capabilities" else {"error": {"class": "CommandNotFound"}})


def hangs(_stream: Any, _command: str) -> None:
    time.sleep(0.5)


def babbles(stream: Any, _command: str) -> None:
    stream.write("this is no JSON\n")
    stream.flush()


def closes(stream: Any, _command: str) -> None:
    stream.close()


@pytest.mark.parametrize("answer", [refuses, hangs, babbles, closes])
def test_whatever_goes_wrong_is_no_answer(answer: Answer) -> None:
    before = time.monotonic()
    with qemu(answer) as path:
        assert qmp.ask(path, "query-status", seconds=0.2) is None
    assert time.monotonic() - before < 4


def test_socket_that_nobody_serves_is_no_answer(tmp_path: Path) -> None:
    assert qmp.ask(tmp_path / "gone", "query-status") is None
    with qemu(good, greeting=False) as path:
        assert qmp.ask(path, "query-status", seconds=0.2) is None
