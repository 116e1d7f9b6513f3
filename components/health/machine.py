"""A node's machine: room on its disks, its clock, its services."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from fjordkube.health.rows import Row, State
from fjordkube.helpers.survey.asking import Answer
from fjordkube.helpers.survey.judgement import CLOCK_SECONDS
from fjordkube.host.units import FIREWALL_PATH

NOW_FREE, SOON_FREE = 10, 15
"""Percent of bytes: the kubelet's own bounds. Below 15 it deletes images, below 10 it evicts pods."""

NOW_INODES, SOON_INODES = 5, 10
"""Percent of inodes; below 5 the kubelet evicts pods."""

DRIFT_SECONDS: Final = 1.0
"""From which on etcd warns of members' clocks."""

RECENT: Final = 3600
"""Seconds in which a service that was started anew by itself is worth a look."""

FIREWALL: Final = PurePath(FIREWALL_PATH).stem

TIME_FIX: Final = "install chrony there, or let UDP port 123 out to its servers (chronyc sources)"


@dataclass(frozen=True)
class Disk:
    """One folder's file system."""

    folder: str
    mount: str
    free: float
    """Percent of bytes."""
    inodes: float
    """Percent of inodes; 100 on a file system that has no bound."""
    free_kib: int


def disks(answer: Answer) -> list[Disk]:
    """Each file system once, by the first folder on it."""
    found: dict[str, Disk] = {}
    for fact in answer.every("disk"):
        parts = fact.split()
        if len(parts) != 6 or not all(part.isdigit() for part in parts[2:4]):
            continue
        size, free, inodes, free_inodes = (int(part) if part.isdigit() else 0 for part in parts[2:])
        share = 100 * free_inodes / inodes if inodes else 100.0
        found.setdefault(parts[1], Disk(parts[0], parts[1], 100 * free / size if size else 0.0, share, free))
    return list(found.values())


def disk_rows(name: str, answer: Answer) -> Iterator[Row]:
    """One row for each file system that gets full, or one for the fullest."""
    found = disks(answer)
    full = False
    for disk in found:
        state: State = "ok"
        if disk.free < SOON_FREE or disk.inodes < SOON_INODES:
            state = "now" if disk.free < NOW_FREE or disk.inodes < NOW_INODES else "soon"
        if state != "ok":
            full = True
            room = f"{disk.free:.0f} % free ({disk.free_kib / 2**20:.1f} GiB), inodes {disk.inodes:.0f} %"
            yield Row("disk", name, state, f"{disk.folder}: {room}", f"there: du -xh -d 3 {disk.folder} | sort -h")
    if found and not full:
        least = min(found, key=lambda disk: min(disk.free, disk.inodes))
        figure = f"{least.folder}: {least.free:.0f} % free, inodes {least.inodes:.0f} %"
        yield Row("disk", name, "ok", figure, rank=min(least.free, least.inodes))
    if not found:
        yield Row("disk", name, "soon", "df told nothing", "there: df -h")


def clock_rows(name: str, answer: Answer, local: bool) -> Iterator[Row]:
    """What is told of a difference is the least that it can be: the node was asked and answered in between."""
    try:
        ahead = float(answer.one("clock_end")) - answer.ended
        behind = answer.begun - float(answer.one("clock"))
    except ValueError:
        yield Row("clock", name, "soon", "not told", "there: date")
        return
    off, offset = max(ahead, behind, 0.0), _offset(answer.one("clock_offset"))
    if off > DRIFT_SECONDS:
        way = "ahead of" if ahead > behind else "behind"
        state: State = "now" if off > CLOCK_SECONDS else "soon"
        yield Row("clock", name, state, f"{off:.1f} s {way} this computer's", TIME_FIX)
    elif offset is not None and abs(offset) > DRIFT_SECONDS:
        yield Row("clock", name, "soon", f"{offset:+.1f} s from its servers'", TIME_FIX)
    elif answer.one("synchronised") == "yes":
        known = "" if offset is None else f", {abs(offset) * 1000:.1f} ms off"
        rank = None if offset is None else -abs(offset)
        yield Row("clock", name, "ok", f"synchronised{known}", rank=rank)
    elif local:
        yield Row("clock", name, "ok", "this computer's")
    else:
        yield Row("clock", name, "soon", "right, and not synchronised with any server", TIME_FIX)


def unit_rows(name: str, answer: Answer) -> Iterator[Row]:
    """Every service that does not run, and those that had to be started anew."""
    running = []
    told = [parts for fact in answer.every("unit") if len(parts := fact.split()) == 6]
    for unit, loaded, active, sub, restarts, since in told:
        short = unit.removesuffix(".service")
        if loaded == "not-found" and short.startswith("fjordkube-"):
            continue  # a provider's firewall guards this node
        if short == FIREWALL and active == "inactive":
            continue  # it works at boot alone, and `up` has loaded the rules itself
        if active != "active":
            state = f"{short} is {active} ({sub})" if loaded == "loaded" else f"{short} is {loaded}"
            yield Row("services", name, "now", state, f"there: systemctl status {short}, journalctl -u {short}")
            continue
        running.append(short)
        age = _number(answer.one("uptime")) - _number(since) / 1e6
        if _number(restarts) and age < RECENT:
            times = f"{short} was started anew {restarts} times, the last {age / 60:.0f} min ago"
            yield Row("services", name, "note", times, f"there: journalctl -u {short}")
    if running:
        yield Row("services", name, "ok", f"{', '.join(running)} active")
    elif not told:
        yield Row("services", name, "soon", "systemd told nothing", "there: systemctl status")


def _offset(said: str) -> float | None:
    """Seconds in the words of chronyc or timedatectl; None where there are none."""
    chrony = re.fullmatch(r"\s*([\d.]+) seconds (slow|fast) of NTP time", said)
    if chrony:
        return float(chrony[1]) * (-1 if chrony[2] == "slow" else 1)
    parts = re.findall(r"([\d.]+)(min|s|ms|us)(?![a-z])", said)
    if not parts:
        return None
    units = {"min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
    return sum(float(number) * units[unit] for number, unit in parts) * (-1 if said.strip().startswith("-") else 1)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
