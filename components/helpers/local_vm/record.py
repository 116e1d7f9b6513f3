"""What is remembered of one machine: two small JSON files in its folder.

Owns `machine.json` (of the disks: generation, sizes, ports) and `power.json` (of the last start: number, command).
Written whole and renamed into place, so that a reader sees the old one or the new one, never half of one.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar


@dataclass(frozen=True)
class Made:
    """What `disk` made."""

    generation: int
    disk_gib: int
    etcd_disk_gib: int
    ports: Mapping[str, int]


@dataclass(frozen=True)
class Started:
    """What `power` started last."""

    boot: int
    command: list[str] = field(default_factory=list)
    """Words of QEMU's command line."""
    cache: str = "writeback"


Entry = TypeVar("Entry", Made, Started)


def read_made(directory: Path) -> Made | None:
    """None where no disks were ever made."""
    return _read(directory / "machine.json", Made)


def read_started(directory: Path) -> Started | None:
    """None where the machine was never started."""
    return _read(directory / "power.json", Started)


def write_made(directory: Path, made: Made) -> None:
    """Replaces machine.json; raises OSError with the path, e.g. on a full disk."""
    write(directory / "machine.json", json.dumps(dataclasses.asdict(made), indent=1, sort_keys=True).encode())


def write_started(directory: Path, started: Started) -> None:
    """Replaces power.json."""
    write(directory / "power.json", json.dumps(dataclasses.asdict(started), indent=1, sort_keys=True).encode())


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replaces `path` by `data` in one step, on disk before it is seen."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        error.filename = error.filename or str(path)  # a failed write names no file, and a full disk must
        raise


def _read(path: Path, kind: type[Entry]) -> Entry | None:
    try:
        return kind(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):  # another version's, or a hand edit: treat as never written
        return None
