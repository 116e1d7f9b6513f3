"""How the end-to-end test asks for ports: what it takes for an answer, with real sockets on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from tests.e2e import ports

SS = """\
LISTEN 0 4096    127.0.0.1:10248      0.0.0.0:*
LISTEN 0 4096 192.168.77.11:2379      0.0.0.0:*
LISTEN 0 128     127.0.0.53%lo:53     0.0.0.0:*
LISTEN 0 128       0.0.0.0:22         0.0.0.0:*
LISTEN 0 128          [::]:22            [::]:*
LISTEN 0 4096         [::1]:6010         [::]:*
LISTEN 0 4096             *:10250           *:*
"""


def test_listening_ports_are_read_without_loopback() -> None:
    assert ports.listening(SS) == {("192.168.77.11", 2379), ("0.0.0.0", 22), ("0.0.0.0", 10250)}


def test_addresses_of_services_are_read_from_ipvs() -> None:
    lines = ["Prot LocalAddress", "TCP  10.96.0.1:443 rr", "  -> 192.168.77.11:6443 Masq", "TCP  10.0.2.15:30000 rr"]
    text = "\n".join([*lines, "UDP  10.96.0.10:53 rr"])
    assert ports.service_addresses(text, IPv4Network("10.96.0.0/12")) == {("10.96.0.1", 443)}


@contextmanager
def server(says: bytes | None) -> Iterator[int]:
    """A port that says something once it was spoken to, or closes at once (None)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            link, _ = listener.accept()
            with link:
                if says is not None:
                    link.recv(4096)
                    link.sendall(says)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize("port", [80, 6443, 31000])
def test_bytes_are_an_answer(port: int) -> None:
    with server(b"\x15") as door:
        assert ports.ask(door, port, 5) == "answers"


@pytest.mark.parametrize("port", [22, 80, 6443])
def test_connection_that_ends_without_a_byte_is_closed(port: int) -> None:
    with server(None) as door:
        assert ports.ask(door, port, 5) == "closed"


@pytest.mark.parametrize("port", [22, 80, 6443])
def test_connection_that_stays_without_a_byte_is_silent(port: int) -> None:
    # taken by the kernel, never by a program: as QEMU does where the guest drops
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert ports.ask(listener.getsockname()[1], port, 0.2) == "silent"


def test_greeting_of_tls_is_a_client_hello() -> None:
    hello = ports.client_hello()
    assert (hello[0], hello[5]) == (22, 1)


def test_doors_are_opened_by_qmp_and_closed_whatever_happens(tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "qmp"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            link, _ = listener.accept()
            with link, link.makefile("rw") as stream:

                def send(entry: object) -> None:
                    stream.write(json.dumps(entry) + "\n")
                    stream.flush()

                send({"QMP": {}})
                for line in stream:
                    asked = json.loads(line)
                    words = asked["arguments"].get("command-line", "")
                    said.append(words)
                    send({"event": "NIC_RX_FILTER_CHANGED"})
                    removed = "host forwarding rule for x removed\r\n" if "remove" in words else ""
                    send({"return": removed if words else {}})

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        target = ports.Target("w1", "10.0.2.15", 179)
        with suppress(ZeroDivisionError), ports.doors({"w1": path}, [target, target]) as opened:
            door = f"outside tcp:127.0.0.1:{opened[target]}"
            _ = 1 / 0
        thread.join(5)
    assert said == ["", f"hostfwd_add {door}-10.0.2.15:179", f"hostfwd_remove {door}"]
