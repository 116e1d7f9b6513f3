"""Programs taken from their projects' releases: downloaded, held to the manifest's SHA-256, one file of each kept.

Owns the transfer and the check. Leaves whether to download at all to `source.py`. Nothing is kept of a transfer that
broke: a program is some tens of MB, and what others have brought is not asked for again.
"""

from __future__ import annotations

import hashlib
import posixpath
import shutil
import tarfile
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from offline import command
from offline.command import BuildError
from offline.manifest import Release

CHUNK = 2**20
SILENCE = 30.0
"""Seconds without a byte after which a transfer counts as broken."""


def fetch(release: Release, target: Path) -> None:
    """Puts the release's program at `target`, runnable by all.

    BuildError names the address and what is wrong: no answer, an early end, another checksum, no such member.
    """
    download = target.with_name(f"{target.name}.download")
    try:
        digest = hashlib.sha256()
        with download.open("wb") as file:
            for chunk in _chunks(release.url):
                command.check()
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != release.sha256:
            raise BuildError(
                f"{release.url}: SHA-256 {digest.hexdigest()}, the manifest says {release.sha256}; not used"
            )
        if release.member is None:
            download.replace(target)
        else:
            _extract(release.url, download, release.member, target)
    finally:
        download.unlink(missing_ok=True)
    target.chmod(0o755)


def _chunks(url: str) -> Iterator[bytes]:
    """The address's content; it is whole when the iteration ends without an error."""
    got = 0
    try:
        with urllib.request.urlopen(url, timeout=SILENCE) as answer:  # noqa: S310 - the manifest's own addresses
            whole = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read1(CHUNK):  # what is there: a slow transfer still ends soon when it is cancelled
                got += len(chunk)
                yield chunk
    except (OSError, HTTPException) as error:
        raise BuildError(f"{url}: {error}; run it again, or with FJORDKUBE_SOURCE=build") from error
    if got < whole:
        raise BuildError(f"{url}: ended after {got} of {whole} bytes; run it again, or with FJORDKUBE_SOURCE=build")


def _extract(url: str, archive: Path, member: str, target: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            for entry in tar:
                source = tar.extractfile(entry) if posixpath.normpath(entry.name) == member else None
                if source is not None:
                    with source, target.open("wb") as file:
                        shutil.copyfileobj(source, file)
                    return
    except tarfile.TarError as error:
        raise BuildError(f"{url}: not an archive that can be read: {error}") from error
    raise BuildError(f"{url}: no file {member} in it; mend the manifest")
