"""What upstream publishes, brought into the cache and laid into a bundle: no root, no Go, no apt.

Owns which of it a bundle has, where, and the cache of it (`upstream/`: files by SHA-256, images by their digests).
Leaves the list to components/artifacts/upstream.py, and the bundle's folder to bundle.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from fjordkube.artifacts.needs import File, Image, Needs
from fjordkube.errors import FjordkubeError, listed
from fjordkube.helpers.artifacts.bundle import FILES, IMAGES
from fjordkube.roots import cache_root, home_root
from offline import archives, command, lock, registry, transfer
from offline.bundle import Copier
from offline.registry import Pulled

AT_ONCE: Final = 4
"""Files and images that come side by side."""

MB: Final = 10**6

Say = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")


def place(needs: Needs) -> Path:
    """Where such a bundle lies if nobody says another place."""
    versions = needs.versions
    name = f"upstream-{versions['kubernetes']}-{versions['calico']}-{needs.architecture}"
    return home_root() / "bundles" / name


def fetch(needs: Needs, say: Say) -> dict[str, Pulled]:
    """Everything on the list into the cache; images by reference. FjordkubeError with all that did not come."""
    with lock.held(cache_root() / "upstream.lock", say):
        problems: list[str] = []

        def file(of: File) -> None:
            started = time.monotonic()
            came = transfer.download(of.url, of.sha256, _cached(of))
            size = _cached(of).stat().st_size
            say(_told(f"{of.name} {of.version}", size if came else 0, started))

        def image(of: Image) -> Pulled:
            started = time.monotonic()
            pulled = registry.pull(of.reference, of.digest, needs.architecture, _folder())
            say(_told(of.reference, pulled.bytes_got, started))
            return pulled

        _side_by_side(file, needs.files, problems)
        pulled = _side_by_side(image, needs.images, problems)
        if problems:
            raise FjordkubeError(listed(problems, "with what upstream publishes; the rest is kept"))
        return {of.reference: got for of, got in zip(needs.images, pulled, strict=True)}


def lay(needs: Needs, pulled: dict[str, Pulled], folder: Path) -> Needs:
    """The same list with places, sizes and sums of what is now below `folder`."""
    copy = Copier(folder)
    files = []
    for file in needs.files:
        path = f"{FILES}/{file.component}/{file.url.rpartition('/')[2]}"
        size, _ = copy(_cached(file), path, 0o644)
        files.append(replace(file, path=path, size=size))
    images = []
    for image in needs.images:
        path, got = f"{IMAGES}/{image.component}.tar", pulled[image.reference]
        size, sha256 = archives.write(folder / path, image.reference, got.image, got.parts, needs.architecture)
        images.append(replace(image, path=path, size=size, sha256=sha256, digest=got.image.digest))
    return replace(needs, files=tuple(files), images=tuple(images))


def _folder() -> Path:
    return cache_root() / "upstream"


def _cached(file: File) -> Path:
    return _folder() / "files" / file.sha256


def _told(what: str, size: int, started: float) -> str:
    return f"{what}: {f'{size / MB:.1f} MB, {time.monotonic() - started:.0f} s' if size else 'in the cache'}"


def _side_by_side(action: Callable[[T], R], things: Iterable[T], problems: list[str]) -> list[R]:
    """What `action` gives for each; what it fails with goes to `problems`, and the others go on."""
    guard, results = threading.Lock(), []

    def one(thing: T) -> R | None:
        try:
            return action(thing)
        except FjordkubeError as error:
            with guard:
                problems.append(str(error))
            return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            results = list(pool.map(one, things))
        except KeyboardInterrupt:
            command.cancel()
            pool.shutdown(cancel_futures=True)
            raise
    return [result for result in results if result is not None]
