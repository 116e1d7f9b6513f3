"""Makes, starts and deletes one machine by the program that the `local` source runs, with a home of its own.

Owns where such machines lie and what a test needs to know of them. Leaves making them to
`components/helpers/local_vm`. Machines of one home share a switch, which is their private network.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands.engine import with_emulator
from fjordkube.helpers.local_vm import keys
from fjordkube.helpers.local_vm.image import VmImage
from fjordkube.helpers.local_vm.spec import GUEST_PORTS, to_environment
from fjordkube.nodes.local import accelerator, plan
from fjordkube.settings import LocalControlPlane, LocalNodes, LocalWorker

STACK = "m"
"""Folder of the machines below their home; short, because sockets' paths are."""

LIMIT = 600
"""Seconds until SSH must answer on an emulated machine."""


@dataclass(frozen=True)
class Wanted:
    """One machine."""

    name: str
    role: str
    """control-plane or worker."""
    address: str
    network: str = "192.168.77.0/24"
    authorized: str | None = None
    """Public line of the key that enters as root; None: one is made, see `client_key`."""
    guest_ports: Mapping[str, int] = field(default_factory=lambda: GUEST_PORTS)
    """Port inside the machine by use."""


@dataclass(frozen=True)
class Made:
    """What a test knows of a machine."""

    name: str
    host_key: str
    """Public line."""
    ports: dict[str, int]
    """Port on 127.0.0.1 by use: ssh, api, http, https."""


def make(home: Path, image: VmImage, wanted: Wanted) -> Made:
    """Makes the machine and starts it; returns when SSH answers. A second call finds it. CalledProcessError if not."""
    with _at(home):
        machine, settings, emulated = _planned(image, wanted)
        if wanted.authorized:
            _authorize(machine.files.directory.parent, wanted.authorized)
        found = plan.find(machine)
        facts = _run("disk", "create", to_environment(plan.disk_spec(machine, settings, image.digest, emulated, found)))
        _run("power", "create", to_environment(plan.power_spec(machine, emulated, found)))
    return Made(wanted.name, str(facts["host_key"]), dict(facts["ports"]))


def delete(home: Path, image: VmImage, wanted: Wanted) -> None:
    """Takes the machine and all of it away; fine when it is not there."""
    with _at(home):
        machine, settings, emulated = _planned(image, wanted)
        spec = plan.disk_spec(machine, settings, image.digest, emulated, plan.find(machine))
        _run("disk", "delete", to_environment(spec))


def client_key(home: Path) -> Path:
    """Private key that enters the machines of a home, where none was authorized by the caller."""
    with _at(home):
        return keys.client(home.resolve() / "vm" / STACK)


def entering(key: Path, port: int, host_key: str, known: Path, *options: str) -> list[str]:
    """The command line of SSH as root to a machine with that public host key line, up to what is to be run there.

    `known` is where that line is kept.
    """
    known.write_text(f"node {host_key}\n")
    fixed = [f"UserKnownHostsFile={known}", "HostKeyAlias=node", "StrictHostKeyChecking=yes", "BatchMode=yes"]
    words = ["ssh", "-F", "/dev/null", "-i", str(key), "-p", str(port)]
    return [*words, *(word for option in fixed for word in ("-o", option)), *options, "root@127.0.0.1"]


def ssh(home: Path, machine: Made, *options: str) -> list[str]:
    """The same for a machine of a home, with `client_key`."""
    known = home / f"known-{machine.name}"
    return entering(client_key(home), machine.ports["ssh"], machine.host_key, known, *options)


def shell(home: Path, machine: Made, script: str) -> str:
    """stdout of a bash script on the machine, which must succeed."""
    words = [*ssh(home, machine), "bash -s"]
    return subprocess.run(words, input=script, capture_output=True, text=True, timeout=180, check=True).stdout


def _planned(image: VmImage, wanted: Wanted) -> tuple[plan.Machine, LocalNodes, bool]:
    plane, worker = LocalControlPlane(name="cp0"), LocalWorker(name="w0")
    if wanted.role == "control-plane":
        plane = LocalControlPlane(name=wanted.name, address=wanted.address)
    else:
        worker = LocalWorker(name=wanted.name, address=wanted.address)
    settings = LocalNodes(private_cidr=wanted.network, control_planes=[plane], workers=[worker])
    emulated = accelerator.choose("auto", image) == "tcg"
    planned = plan.machines(settings, STACK, emulated, wanted.guest_ports)
    return next(machine for machine in planned if machine.name == wanted.name), settings, emulated


def _authorize(stack: Path, line: str) -> None:
    """A pair of which only the public half is known here: the machine program takes the pair that it finds."""
    private = keys.client(stack)
    private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Renamed into place: several processes make machines of one home, and must not read half a line of each other's.
    for path, text in ((private.with_name(private.name + ".pub"), line), (private, "the private half is its owner's")):
        half = path.with_name(f"{path.name}.{os.getpid()}")
        half.write_text(f"{text}\n")
        half.replace(path)


def _run(noun: str, verb: str, environment: dict[str, str]) -> dict[str, Any]:
    words = [sys.executable, "-m", "fjordkube.helpers", f"local-{noun}" + ("-delete" if verb == "delete" else "")]
    # As a stack's machines run: by the cache's newer QEMU, and without flushes of disks that are thrown away.
    env = {**os.environ, **with_emulator(), "FJORDKUBE_DISK_CACHE": "unsafe", **environment}
    done = subprocess.run(words, env=env, stdout=subprocess.PIPE, text=True, timeout=LIMIT, check=True)
    found: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {}
    return found


@contextmanager
def _at(home: Path) -> Iterator[None]:
    """The machines' home in place of the checkout's."""
    before = os.environ.get("FJORDKUBE_HOME")
    os.environ["FJORDKUBE_HOME"] = str(home)
    try:
        yield
    finally:
        if before is None:
            del os.environ["FJORDKUBE_HOME"]
        else:
            os.environ["FJORDKUBE_HOME"] = before
