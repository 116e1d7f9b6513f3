"""What upstream publishes, made of a bundle that is built here: files in its own forms, images for its own names.

Owns the forms and the new checksums in a checkout's table. Leaves answering to hosts.py. Nothing but checksums and
digests of the table is replaced.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fjordkube.artifacts import upstream
from fjordkube.artifacts.needs import File, Needs
from fjordkube.helpers.artifacts.bundle import Bundle

TABLE = Path("components/artifacts/upstream.toml")
"""Below a checkout."""


@dataclass(frozen=True)
class Publication:
    """Files below a folder by host and path, and images."""

    files: Path
    images: dict[str, Path]
    """OCI archive by upstream's name, e.g. registry.k8s.io/pause:3.10.2."""
    sums: dict[str, str]
    """New checksum or digest by the table's."""

    def replace_sums(self, checkout: Path) -> None:
        """Writes them into the checkout's table. AssertionError where the table has not exactly one place for one."""
        table = checkout / TABLE
        text = table.read_text()
        for old, new in self.sums.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        table.write_text(text)


def publish(bundle: Bundle, folder: Path) -> Publication:
    """Makes all of the bundle's versions; its ingress controller goes as the one that upstream's objects are of."""
    needs = wanted(bundle)
    sums = {}
    for file in needs.files:
        address = urlsplit(file.url)
        place = folder / address.netloc / address.path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content(bundle, file))
        sums[file.sha256] = hashlib.sha256(place.read_bytes()).hexdigest()
    built = {image.component: image for image in bundle.needs.images}
    images = {}
    for image in needs.images:
        images[image.reference] = bundle.place / built[image.component].path
        if image.digest:
            sums[image.digest] = built[image.component].digest
    return Publication(folder, images, sums)


def wanted(bundle: Bundle) -> Needs:
    """Upstream's list for the bundle's versions."""
    versions = bundle.needs.versions
    return upstream.needs(versions["kubernetes"], versions["calico"], upstream.INGRESS_NGINX, bundle.needs.architecture)


def content(bundle: Bundle, file: File) -> bytes:
    """A file as upstream has it: the program, or an archive of its component's."""
    programs = [
        (each.name, bundle.place / each.path) for each in bundle.needs.files if each.component == file.component
    ]
    if file.kind == "program":
        return gzip.decompress(dict(programs)[file.name].read_bytes())
    return archive(programs, "bin/" * file.strip)


def archive(programs: Iterable[tuple[str, Path]], folder: str) -> bytes:
    """A .tar.gz of programs that are compressed one by one."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as tar:
        for name, path in programs:
            program = gzip.decompress(path.read_bytes())
            entry = tarfile.TarInfo(folder + name)
            entry.size, entry.mode = len(program), 0o755
            tar.addfile(entry, io.BytesIO(program))
    return made.getvalue()
