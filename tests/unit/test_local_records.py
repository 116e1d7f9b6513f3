"""What is remembered of a machine: seen whole or not at all, and full disks are named."""

from __future__ import annotations

import errno
import multiprocessing
import os
from pathlib import Path

import pytest

from fjordkube.helpers.local_vm import record
from fjordkube.helpers.local_vm.record import Made, Started

MADE = Made(1, 12, 4, {"ssh": 20001})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert record.read_made(tmp_path) is None
    assert record.read_started(tmp_path) is None
    record.write_made(tmp_path, MADE)
    record.write_started(tmp_path, Started(3, ["qemu", "-x"], "unsafe"))
    assert record.read_made(tmp_path) == MADE
    assert record.read_started(tmp_path) == Started(3, ["qemu", "-x"], "unsafe")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", '{"generation": 1}', '{"generation": 1, "colour": "red"}']
)
def test_broken_record_counts_as_never_written(tmp_path: Path, text: str) -> None:
    (tmp_path / "machine.json").write_text(text)
    (tmp_path / "power.json").write_text(text)
    assert record.read_made(tmp_path) is None
    assert record.read_started(tmp_path) is None


def test_record_is_the_users_alone(tmp_path: Path) -> None:
    record.write(tmp_path / "seed", b"key")
    assert (tmp_path / "seed").stat().st_mode & 0o777 == 0o600
    (tmp_path / "seed").chmod(0o644)
    record.write(tmp_path / "seed", b"other")
    assert (tmp_path / "seed").stat().st_mode & 0o777 == 0o600


def test_failed_write_leaves_the_old_record_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record.write_made(tmp_path, MADE)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as failed:
        record.write_made(tmp_path, Made(2, 12, 4, {}))
    assert failed.value.filename == str(tmp_path / "machine.json")
    assert record.read_made(tmp_path) == MADE
    assert [path.name for path in tmp_path.iterdir()] == ["machine.json"]


def _write_often(folder: str) -> None:
    for number in range(300):
        record.write_made(Path(folder), Made(number, 12, 4, {f"use{n}": number for n in range(200)}))


def test_reader_never_sees_half_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    record.write_made(tmp_path, Made(0, 12, 4, {f"use{n}": 0 for n in range(200)}))
    writer = multiprocessing.get_context("fork").Process(target=_write_often, args=(str(tmp_path),))
    writer.start()
    reads = 0
    while writer.is_alive():
        made = record.read_made(tmp_path)
        assert made is not None
        assert set(made.ports.values()) == {made.generation}
        reads += 1
    writer.join()
    assert writer.exitcode == 0
    assert reads > 10
