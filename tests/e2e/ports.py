"""Ports of a local node, asked from outside its private network: through QEMU's user network, opened for a while.

Owns the doors (QMP `hostfwd_add`) and the question. QEMU takes a connection before the guest has: connecting says
nothing. So a port answers only when bytes come back to a greeting that its program understands. A guest that refuses
ends the connection at once (closed), one that drops leaves it open without a word (silent). QEMU asks by ARP for
whatever address is addressed, and Linux answers on each NIC for all of its addresses: so addresses of the private
network and of Services can be asked for at the public NIC too, as a neighbour on a provider's network could.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final, Literal, NamedTuple

from tests.engine.command import Commands

NETDEV: Final = "outside"
"""QEMU's name of the user network (components/helpers/local_vm/qemu.py)."""
GUEST: Final = "10.0.2.15"
"""The guest's address there."""
CALLER: Final = "10.0.2.2"
"""This computer's, as the guest sees it."""

SECONDS: Final = 20.0
"""How long bytes may take; an emulated guest needs some seconds for a TLS handshake when it is busy."""

TLS: Final = (443, 2379, 2380, 6443, 8443, 10250, 10257, 10259)
"""Ports whose programs speak TLS; SSH speaks first, and all others are asked over HTTP."""
SSH: Final = 22

Outcome = Literal["answers", "closed", "silent"]


class Target(NamedTuple):
    """One port at one of a node's addresses."""

    node: str
    address: str
    port: int


# --- Which ports -----------------------------------------------------------------------------------------------------


def listening(text: str) -> set[tuple[str, int]]:
    """Addresses and ports of `ss -tlnH`, without loopback; 0.0.0.0 stands for every address."""
    found = set()
    for line in text.splitlines():
        address, _, port = line.split()[3].rpartition(":")
        address = address.partition("%")[0].strip("[]")
        if not address.startswith("127.") and address != "::1":
            found.add(("0.0.0.0" if address in ("*", "::") else address, int(port)))
    return found


def service_addresses(text: str, services: IPv4Network) -> set[tuple[str, int]]:
    """TCP addresses and ports of `ipvsadm -Ln` in the range of Services."""
    found = {(address, int(port)) for address, port in re.findall(r"^TCP +([\d.]+):(\d+)", text, re.MULTILINE)}
    return {entry for entry in found if IPv4Address(entry[0]) in services}


# --- Doors -----------------------------------------------------------------------------------------------------------


def monitor(commands: Commands, node: str) -> Path:
    """The socket of the machine's QMP, from the command line that started it."""
    power = json.loads((commands.home / "vm" / commands.stack / node / "power.json").read_text())
    option = power["command"][power["command"].index("-qmp") + 1]
    return Path(option.removeprefix("unix:").partition(",")[0])


class Monitor:
    """QEMU's human monitor, through QMP."""

    def __init__(self, path: Path) -> None:
        self._link = socket.socket(socket.AF_UNIX)
        self._link.settimeout(30)
        self._link.connect(str(path))
        self._stream = self._link.makefile("rw")
        self._stream.readline()
        self._execute("qmp_capabilities", {})

    def say(self, line: str) -> None:
        """One command that answers nothing when it works."""
        answer = self._execute("human-monitor-command", {"command-line": line})
        if answer:
            raise OSError(f"{line}: {answer}")

    def close(self) -> None:
        self._stream.close()
        self._link.close()

    def _execute(self, name: str, arguments: Mapping[str, str]) -> str:
        self._stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self._stream.flush()
        while True:  # events come between
            entry = json.loads(self._stream.readline())
            if "error" in entry:
                raise OSError(f"{name}: {entry['error']}")
            if "return" in entry:
                # hostfwd_remove says "host forwarding rule for ... removed"
                text = str(entry["return"] or "").strip() if entry["return"] != {} else ""
                return "" if text.endswith("removed") else text


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody has, all different."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def doors(monitors: Mapping[str, Path], targets: Iterable[Target]) -> Iterator[dict[Target, int]]:
    """A port on loopback for each target, as long as the block runs. `monitors`: QMP's socket by node."""
    wanted = sorted(set(targets))
    opened = dict(zip(wanted, free_ports(len(wanted)), strict=True))
    with contextlib.ExitStack() as undo:
        for node in sorted({target.node for target in wanted}):
            said = Monitor(monitors[node])
            undo.callback(said.close)
            for target in (target for target in wanted if target.node == node):
                door = f"tcp:127.0.0.1:{opened[target]}"
                said.say(f"hostfwd_add {NETDEV} {door}-{target.address}:{target.port}")
                undo.callback(said.say, f"hostfwd_remove {NETDEV} {door}")
        yield opened


# --- The question ----------------------------------------------------------------------------------------------------


def ask(door: int, port: int, seconds: float = SECONDS) -> Outcome:
    """What comes back through a loopback port when a greeting fit for `port` is sent."""
    try:
        with socket.create_connection(("127.0.0.1", door), timeout=seconds) as link:
            if port in TLS:
                link.sendall(client_hello())
            elif port != SSH:
                link.sendall(b"GET / HTTP/1.1\r\nHost: demo.fjord.internal\r\nConnection: close\r\n\r\n")
            return "answers" if link.recv(1) else "closed"
    except TimeoutError:
        return "silent"
    except OSError:  # reset, or a pipe that broke while the greeting was sent
        return "closed"


def client_hello() -> bytes:
    """The first bytes of a TLS connection."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def outcomes(
    monitors: Mapping[str, Path], targets: Iterable[Target], seconds: float = SECONDS
) -> dict[Target, Outcome]:
    """All targets, asked at the same time: a silent port takes all of `seconds`."""
    with doors(monitors, targets) as opened, ThreadPoolExecutor(max(1, len(opened))) as pool:
        found = pool.map(lambda target: ask(opened[target], target.port, seconds), opened)
        return dict(zip(opened, found, strict=True))
