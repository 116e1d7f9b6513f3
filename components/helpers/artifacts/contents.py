"""What lies in a bundle, whether it is a folder or one .tar: names, sizes, bytes. Nothing is unpacked.

Owns the two forms. Leaves what must lie there to bundle.py.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import HelperError

CHUNK = 2**20
"""Bytes that are read at once."""


@dataclass(frozen=True)
class Contents:
    """The regular files of a bundle."""

    place: Path
    sizes: Mapping[str, int]
    """Bytes by path below the bundle, e.g. files/kubernetes/kubelet."""
    strange: tuple[str, ...]
    """Paths of what is no regular file and no folder: links, devices."""
    offsets: Mapping[str, int] | None
    """Of a .tar: where each file's bytes begin; None of a folder."""

    def open(self, path: str) -> IO[bytes]:
        """The bytes of one file, to be read to `sizes[path]`. KeyError where there is none."""
        size = self.sizes[path]
        if self.offsets is None:
            return (self.place / path).open("rb")
        return io.BufferedReader(_Part(self.place, self.offsets[path], size))

    def read(self, path: str) -> bytes:
        """A small file as a whole. KeyError where there is none."""
        with self.open(path) as file:
            return file.read()

    def sha256(self, path: str) -> str:
        """In hex. KeyError where there is no such file."""
        digest = hashlib.sha256()
        with self.open(path) as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        return digest.hexdigest()


def look(place: Path) -> Contents:
    """What is there. HelperError where it is neither a folder nor a .tar that can be read."""
    if place.is_dir():
        return _folder(place)
    if place.is_file():
        try:
            return _tar(place)
        except (tarfile.TarError, EOFError) as error:
            raise HelperError(f"{place}: no .tar that can be read ({error}); make the bundle again") from None
    raise HelperError(f"{place}: not there; name a bundle's folder or .tar (make bundle makes one)")


def _folder(place: Path) -> Contents:
    sizes: dict[str, int] = {}
    strange: list[str] = []
    for folder, folders, files in os.walk(place):
        for name in [*folders, *files]:
            path = Path(folder) / name
            relative = path.relative_to(place).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                strange.append(relative)
            elif path.is_file():
                sizes[relative] = path.stat().st_size
    return Contents(place, sizes, tuple(sorted(strange)), None)


def _tar(place: Path) -> Contents:
    sizes: dict[str, int] = {}
    offsets: dict[str, int] = {}
    strange: list[str] = []
    with tarfile.open(place, "r:") as archive:  # uncompressed alone: files are read where they lie
        for entry in archive:
            name = entry.name.removeprefix("./")
            if entry.isreg():
                sizes[name], offsets[name] = entry.size, entry.offset_data
            elif not entry.isdir():
                strange.append(name)
    return Contents(place, sizes, tuple(sorted(strange)), offsets)


class _Part(io.RawIOBase):
    """A stretch of a file, as a file of its own."""

    def __init__(self, place: Path, begin: int, size: int) -> None:
        super().__init__()
        self._file = place.open("rb")
        self._begin, self._size, self._at = begin, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._begin + self._at)
        chunk = self._file.read(min(len(buffer), max(self._size - self._at, 0)))
        buffer[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def close(self) -> None:
        self._file.close()
        super().close()
