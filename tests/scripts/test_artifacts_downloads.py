"""Downloads of scripts/artifacts.sh with the real curl, from a server on loopback that fails as servers do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.scripts.machine import Machine
from tests.scripts.test_artifacts_script import FOLDER, INCOMING, machine, sha, values
from tests.unit import ranges

__all__ = ["machine"]

CONTENT = bytes(range(256)) * 2000


@dataclass
class Server:
    """Answers for one file; `plan` is how it treats each request in turn, and then it serves."""

    plan: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    """Header Range of each request."""
    address: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            state.ranges.append(asked)
            treat = state.plan.pop(0) if state.plan else "serve"
            if treat.isdigit():
                self.send_error(int(treat))
                return
            body = b"another file" if treat == "other" else CONTENT
            begin = ranges.begin(self, len(body))
            if begin is None:
                return
            self.wfile.write(body[begin : 100000 if treat == "cut" else None])

        def log_message(self, *_: object) -> None:
            """Nothing: the test says what was asked."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{running.server_port}/kubelet"
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield state
    running.shutdown()
    running.server_close()


def install(machine: Machine, server: Server) -> tuple[int, str]:
    """Exit status and what was said."""
    machine.program("sleep")
    line = f"kubelet kubernetes v1.37.1 program 0 /usr/local/bin {sha(CONTENT)} 0 {server.address}"
    done = machine.run(["artifacts"], values("install", FILES=line, IMAGES=""))
    return done.returncode, done.stderr


def installed(machine: Machine) -> bool:
    place = machine.root / FOLDER.lstrip("/") / "kubernetes/v1.37.1/kubelet"
    return place.exists() and place.read_bytes() == CONTENT


def test_a_download_that_is_cut_goes_on_where_it_ended(machine: Machine, server: Server) -> None:
    server.plan = ["cut"]
    assert install(machine, server)[0] == 0
    assert server.ranges == ["", "bytes=100000-"]
    assert installed(machine)


@pytest.mark.parametrize("status", ["429", "500", "503"])
def test_a_busy_server_is_asked_again(machine: Machine, server: Server, status: str) -> None:
    server.plan = [status, status]
    assert install(machine, server)[0] == 0
    assert installed(machine)


@pytest.mark.parametrize(
    ("status", "told"),
    [("401", "it wants a login (401)"), ("403", "it wants a login (403)"), ("404", "it is not there (404)")],
)
def test_a_refusal_is_told_at_once(machine: Machine, server: Server, status: str, told: str) -> None:
    server.plan = [status] * 9
    code, said = install(machine, server)
    assert code == 1
    assert f"error: w1: kubelet does not come from {server.address}: {told}" in said
    assert len(server.ranges) == 1
    assert not machine.exists(FOLDER)


def test_a_server_that_stays_down_is_named_with_its_answer(machine: Machine, server: Server) -> None:
    server.plan = ["500"] * 9
    code, said = install(machine, server)
    assert code == 1
    assert len([line for line in said.splitlines() if line.startswith("error:")]) == 1, said
    assert f"{server.address}: curl: (22)" in said
    assert "500" in said


def test_another_file_of_that_name_is_thrown_away_and_the_next_run_completes(machine: Machine, server: Server) -> None:
    server.plan = ["other"]
    code, said = install(machine, server)
    assert code == 1
    assert "error: w1: kubelet has SHA-256" in said
    assert not machine.exists(FOLDER)
    assert not machine.exists(f"{INCOMING}/{sha(CONTENT)}")
    assert install(machine, server)[0] == 0
    assert installed(machine)


def test_what_an_earlier_run_got_of_another_file_is_no_obstacle(machine: Machine, server: Server) -> None:
    part: Path = machine.write(f"{INCOMING}/{sha(CONTENT)}")
    part.write_bytes(b"x" * (len(CONTENT) + 5))
    assert install(machine, server)[0] == 0
    assert installed(machine)
