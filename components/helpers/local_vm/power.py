"""The machine's process: started, waited for until SSH answers, and stopped.

Owns the order: switch, disk growth, QEMU, SSH, and from then on leave to reboot. A machine that dies or does not answer
in time is powered off and its console's last lines are shown; its disks stay, and the next `up` starts it anew.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from ..errors import HelperError
from ..log import log
from . import kernel, process, qemu, qmp, record, switch
from .locks import lock_of, locked
from .places import Files
from .record import Started
from .spec import GIB, Power
from .tool import run

BOOT_SECONDS = {"kvm": 120, "tcg": 420}
"""Longest wait for SSH. Three machines on two emulated cores took 55 s; the rest is for busy hosts."""

GRACE_SECONDS = {"kvm": 45, "tcg": 90}
"""Longest wait for a guest to end by its power button before its process is ended."""

CONSOLE_LINES = 20


def create(spec: Power) -> dict[str, Any]:
    """Starts the machine unless the one that runs is the one that is asked for; returns its identity.

    Raises HelperError naming the node, with the tail of its console.
    """
    at = spec.files
    made = record.read_made(at.directory)
    if made is None:
        raise HelperError(
            f"{spec.name}: {at.directory}/machine.json is gone, its disks with it; make down, then make up"
        )
    cache = qemu.cache_mode(os.environ)
    append = kernel.command_line(spec.name, spec.accelerator, _tsc_khz(), _must_grow(at, spec))
    command = qemu.command(spec, at, made.ports, append, cache, qemu.program(os.environ))
    started = record.read_started(at.directory)
    if not (is_running(at) and started is not None and _same(started, spec, command)):
        stop(at, GRACE_SECONDS[spec.accelerator])
        _grow(at, spec)
        # Noted before the start: whoever finds the process finds its number too.
        record.write_started(at.directory, Started(spec.boot, command, cache))
        _start(spec, at, command)
    _wait(spec, at, made.ports["ssh"])
    if not qmp.let_reboot(at.qmp):
        log(f"{spec.name}: QEMU is too old to let its guest reboot: a reboot ends it, and make up starts it again")
    return {"boot": spec.boot, "host_key": at.host_key.with_name("host_key.pub").read_text().split()[1][-16:]}


def delete(spec: Power) -> None:
    """Stops the machine, gracefully unless its disks are thrown away anyway; ends the switch after the last one."""
    at = spec.files
    if not at.directory.exists():  # deleted already, and its process before it
        return
    started = record.read_started(at.directory)
    throw_away = started is not None and started.cache == "unsafe"
    stop(at, 0 if throw_away else GRACE_SECONDS[spec.accelerator])
    with locked(lock_of(at.directory)):
        release_switch(at)


def is_running(at: Files) -> bool:
    """True when this machine's QEMU runs and so does its switch (QEMU does not find a new switch by itself)."""
    return process.pid_of(at.pid) is not None and switch.running(at.sockets)


def stop(at: Files, grace: float) -> None:
    """Presses the power button and waits up to `grace` seconds (0: not at all), then ends the process."""
    with process.held(at.pid) as handle:
        if handle is not None and grace and qmp.power_button(at.qmp):
            process.gone(handle, grace)
    process.end(at.pid)
    at.qmp.unlink(missing_ok=True)


def release_switch(at: Files) -> None:
    """Ends the switch of this machine's stack when none of its machines runs. Call it with the stack locked."""
    stack = at.directory.parent
    machines = [entry for entry in stack.iterdir() if entry.is_dir()] if stack.is_dir() else []
    if not any(process.pid_of(Files(entry, at.sockets, entry.name).pid) for entry in machines):
        switch.stop(at.sockets)


def _same(started: Started, spec: Power, command: list[str]) -> bool:
    """Whether what runs is what is asked for. How writes are cached may differ: that is no reason to restart."""
    normal = [
        [word.replace("cache=unsafe", "cache=writeback") for word in words] for words in (started.command, command)
    ]
    return started.boot == spec.boot and normal[0] == normal[1]


def _start(spec: Power, at: Files, command: list[str]) -> None:
    with locked(lock_of(at.directory)):  # so that no other machine's end takes the switch away in between
        switch.folder(at.sockets)
        switch.start(at.sockets)
        log(f"{spec.name}: power on (boot {spec.boot}, {spec.accelerator}, {spec.cpus} vCPU, {spec.memory_mib} MiB)")
        at.console.unlink(missing_ok=True)
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=60,
                preexec_fn=lambda: os.nice(qemu.nice(spec)),
            )
        except FileNotFoundError as error:
            raise HelperError(f"{spec.name}: {error.filename}: not in PATH; install qemu-system-x86") from None
        except subprocess.TimeoutExpired:
            process.end(at.pid)
            raise HelperError(f"{spec.name}: QEMU was not ready after 60 s") from None
    if done.returncode:
        raise HelperError(f"{spec.name}: QEMU did not start: {done.stderr.strip()}")
    pid = process.pid_of(at.pid)
    if pid is not None:
        process.give_way(pid, qemu.nice(spec))


def _wait(spec: Power, at: Files, port: int) -> None:
    """Waits for SSH's banner on the forwarded port: QEMU itself accepts connections, so connecting proves nothing."""
    limit = BOOT_SECONDS[spec.accelerator]
    end = time.monotonic() + limit
    patience = 1.0
    with process.held(at.pid) as handle:
        if handle is None:
            raise HelperError(f"{spec.name}: its process ended at once{_last_words(at)}")
        while not answers(port, min(patience, max(0.1, end - time.monotonic()))):
            if process.gone(handle, 0.3):
                raise HelperError(f"{spec.name}: its process ended before SSH answered{_last_words(at)}")
            if time.monotonic() > end:
                break
            patience = min(patience * 1.3, 15)  # a starved guest needs seconds to fork an sshd
        else:
            return
    if qmp.status(at.qmp) == "io-error":
        reason = f"is stopped because writing to {at.directory} failed: the disk is full; free some space"
    else:
        reason = f"did not answer on SSH within {limit} s"
    stop(at, 0)
    raise HelperError(
        f"{spec.name}: {reason}. It was powered off; its disks are kept, make up starts it anew{_last_words(at)}"
    )


def answers(port: int, seconds: float) -> bool:
    """True when an SSH server greets on this loopback port within `seconds`."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as link:
            return link.recv(4) == b"SSH-"
    except OSError:
        return False


def _grow(at: Files, spec: Power) -> None:
    """Grows the disks to what is asked. Never shrinks: a smaller size makes the disks anew (generation)."""
    facts = json.loads(run(["qemu-img", "info", "--output=json", str(at.root)], at.root))
    if facts["virtual-size"] < spec.disk_gib * GIB:
        log(f"{spec.name}: root disk grows to {spec.disk_gib} GiB")
        run(["qemu-img", "resize", "-q", "-f", "qcow2", str(at.root), f"{spec.disk_gib}G"], at.root)
    if spec.etcd_disk_gib and at.etcd.stat().st_size < spec.etcd_disk_gib * GIB:
        log(f"{spec.name}: etcd disk grows to {spec.etcd_disk_gib} GiB")
        os.truncate(at.etcd, spec.etcd_disk_gib * GIB)
        run(["e2fsck", "-f", "-p", str(at.etcd)], at.etcd, good=(0, 1))  # 1: errors were corrected
        run(["resize2fs", str(at.etcd)], at.etcd)


def _must_grow(at: Files, spec: Power) -> bool:
    """Whether the root filesystem, made as large as its base, is smaller than its disk."""
    try:
        return at.base.stat().st_size < spec.disk_gib * GIB
    except FileNotFoundError:
        raise HelperError(f"{spec.name}: {at.base} is gone; make down, then make up") from None


def _tsc_khz() -> int | None:
    return kernel.tsc_khz(Path("/proc/cpuinfo").read_text())


def _last_words(at: Files) -> str:
    """The console's tail, ready to follow a message."""
    try:
        with at.console.open("rb") as console:
            console.seek(max(0, at.console.stat().st_size - 16384))
            text = console.read().decode(errors="replace")
    except FileNotFoundError:
        return "; its console is empty"
    lines = [line.rstrip() for line in text.splitlines() if line.strip()][-CONSOLE_LINES:]
    if not lines:
        return "; its console is empty"
    return f". Console ({at.console}):\n" + "\n".join(f"  | {line}" for line in lines)
