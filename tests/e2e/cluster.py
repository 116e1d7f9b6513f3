"""Looking at a cluster from outside the product: HTTP through the doors, SSH to the nodes, processes here."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.engine.command import Commands
from tests.machines import machines


def record(commands: Commands, node: str) -> dict[str, Any]:
    """What the machine program notes of a node."""
    path = commands.home / "vm" / commands.stack / node / "machine.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def outputs(commands: Commands) -> dict[str, Any]:
    """The stack's outputs, as `up` writes them beside its report."""
    found: dict[str, Any] = json.loads((commands.home / "report" / f"{commands.stack}.json").read_text())
    return found


def get(port: int, host: str) -> tuple[int, str]:
    """Status and text of `/` at a loopback port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/", headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def shell(commands: Commands, node: str, script: str) -> str:
    """stdout of a script on a node."""
    folder = commands.home / "vm" / commands.stack
    public = " ".join((folder / node / "host_key.pub").read_text().split()[:2])
    port, known = record(commands, node)["ports"]["ssh"], commands.home / f"known-{node}"
    words = [*machines.entering(folder / ".ssh" / "id_ed25519", port, public, known), "bash -s"]
    done = subprocess.run(words, input=script, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def logins(commands: Commands, node: str) -> int:
    """How often somebody has logged in by SSH, this question included."""
    return int(shell(commands, node, "journalctl --unit ssh --no-pager | grep -c 'Accepted publickey'"))


def kill(commands: Commands, node: str) -> None:
    """The machine's process ends, as by a power cut."""
    os.kill(int((commands.home / "vm" / commands.stack / node / "qemu.pid").read_text()), signal.SIGKILL)


def processes(commands: Commands) -> list[int]:
    """Pids of programs on this machine that were started for this stack's machines."""
    home, found = str(commands.home), []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        program = line.split(b"\0")[0]
        if home.encode() in line and (b"qemu" in line or b"vde_switch" in program):
            found.append(int(entry.name))
    return found
