"""A mirror filled from a bundle of what upstream publishes: files into a folder, images into a registry.

Owns what goes where, and that a second run sends nothing. Leaves the addresses to components/artifacts/mirror.py and
the registry's protocol to registry.py. Indexes of images go to the files: a registry refuses one of which it has a
single architecture, and nodes hold images to the index' digest.
"""

from __future__ import annotations

import posixpath
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from fjordkube.artifacts import mirror
from fjordkube.artifacts.needs import File, Image
from fjordkube.errors import FjordkubeError, listed
from fjordkube.helpers.artifacts import bundle
from fjordkube.helpers.artifacts.bundle import Bundle
from fjordkube.helpers.errors import HelperError
from offline import archives, command, registry, transfer
from offline.archives import Archive
from offline.registry import Place

MB: Final = 10**6

Say = Callable[[str], None]


def read(place: Path) -> Bundle:
    """The bundle at that place, every byte of it checked. FjordkubeError where no mirror can be filled from it."""
    try:
        found = bundle.read(place)
        if found.origin != "upstream":
            raise FjordkubeError(
                f"BUNDLE: {place} is of origin {found.origin}, and a mirror has upstream's names, which nothing of it "
                "carries; make one by make bundle ARTIFACTS=upstream"
            )
        problems = bundle.verify(found)
    except HelperError as error:
        raise FjordkubeError(f"BUNDLE: {error}") from None
    problems += [f"{file.name}: {file.url} is no address to be mirrored" for file in found.needs.files if _odd(file)]
    if problems:
        raise FjordkubeError(listed(problems, f"in {place}"))
    return found


def _odd(file: File) -> bool:
    """Whether an address would lead out of the folder."""
    place = mirror.place(file.url)
    return not place or posixpath.normpath(f"/{place}") != f"/{place}"


def fill(found: Bundle, files: Path, place: Place, say: Say) -> int:
    """Bytes that were written and sent. FjordkubeError with what stopped it; what is there stays."""
    total = 0
    for file in found.needs.files:
        with found.contents.open(file.path) as source:
            total += _put(source, file.size, file.sha256, files, mirror.place(file.url), say)
    for image in found.needs.images:
        with found.contents.open(image.path) as source:
            total += _image(image, Archive(source), files, place, say)
    return total


def _image(image: Image, archive: Archive, files: Path, place: Place, say: Say) -> int:
    started, index, total = time.monotonic(), archive.image.index, 0
    # first: a node that finds the image finds what vouches for it
    if index is not None:
        digest = archives.digest(index)
        path = mirror.index_place(image.reference, digest)
        with archive.blob(digest) as source:
            total += _put(source, len(index), digest.partition(":")[2], files, path, say)
    sent = registry.push(archive, image.reference, place)
    took = time.monotonic() - started
    say(f"{image.reference}: {f'sent, {sent / MB:.1f} MB, {took:.0f} s' if sent else 'there already'}")
    return total + sent


def _put(source: IO[bytes], size: int, sha256: str, files: Path, path: str, say: Say) -> int:
    """One file, whole or not at all; bytes written."""
    target = files / path
    try:
        if target.is_file() and target.stat().st_size == size and transfer.checksum(target) == sha256:
            say(f"{path}: there already")
            return 0
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.part")
        with partial.open("wb") as file:
            command.check()
            shutil.copyfileobj(source, file, transfer.CHUNK)
        partial.chmod(0o644)
        partial.replace(target)
    except OSError as error:
        raise FjordkubeError(f"FILES: {target} cannot be written ({error.strerror}); give another folder") from None
    say(f"{path}: written, {size / MB:.1f} MB")
    return size
