"""Images that others made, as OCI archives: one architecture, layers as they came, upstream's index kept beside.

Owns writing such an archive and taking it apart again. Leaves registries to registry.py, images of our own to oci.py,
and checking an archive to components/helpers/artifacts/archive.py. Equal inputs give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fjordkube.artifacts.needs import Architecture
from fjordkube.helpers.artifacts.archive import INDEX, NAME
from offline import command
from offline.command import BuildError

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEXES = {INDEX_TYPE, "application/vnd.docker.distribution.manifest.list.v2+json"}
MANIFESTS = {MANIFEST_TYPE, "application/vnd.docker.distribution.manifest.v2+json"}

Descriptor = Mapping[str, Any]
"""What OCI documents say of a blob: mediaType, digest, size."""


@dataclass(frozen=True)
class Image:
    """An image of one architecture."""

    descriptor: Descriptor
    """Of the manifest."""
    manifest: bytes
    index: bytes | None = None
    """The index that its tag stands for; None where that is the manifest itself."""

    @property
    def digest(self) -> str:
        """The manifest's."""
        return str(self.descriptor["digest"])

    @property
    def parts(self) -> list[Descriptor]:
        """Configuration and layers, each once."""
        manifest = json.loads(self.manifest)
        return list({part["digest"]: part for part in (manifest["config"], *manifest["layers"])}.values())


def digest(content: bytes) -> str:
    """sha256: and 64 hex digits."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def kind(document: bytes) -> str:
    """Media type of a manifest or index; OCI's may leave it out. Empty of those that nobody reads any more."""
    content = json.loads(document)
    if content.get("schemaVersion") != 2:
        return ""
    return str(content.get("mediaType") or (INDEX_TYPE if "manifests" in content else MANIFEST_TYPE))


def blob_name(digest: str) -> str:
    """Where an archive has what has that digest."""
    return f"blobs/{digest.replace(':', '/')}"


def write(
    target: Path, reference: str, image: Image, parts: Mapping[str, Path], architecture: Architecture
) -> tuple[int, str]:
    """Writes the archive; `parts` are files by digest. Gives its size and SHA-256. BuildError for a damaged part."""
    marks = {NAME: reference, "org.opencontainers.image.ref.name": reference.rpartition(":")[2]}
    if image.index is not None:
        marks[INDEX] = digest(image.index)
    kept = {key: image.descriptor[key] for key in ("mediaType", "digest", "size")}
    entry = {**kept, "platform": {"architecture": architecture, "os": "linux"}, "annotations": marks}
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w") as tar:
        _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(tar, "index.json", _json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}))
        for document in (image.manifest, image.index):
            if document is not None:
                _add(tar, blob_name(digest(document)), document)
        for part in image.parts:
            _copy(tar, part, parts[part["digest"]])
    with target.open("rb") as file:
        return target.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    tar.addfile(info, io.BytesIO(content))


def _copy(tar: tarfile.TarFile, part: Descriptor, source: Path) -> None:
    info = tarfile.TarInfo(blob_name(part["digest"]))
    info.size, info.mode = source.stat().st_size, 0o644
    with source.open("rb") as file:
        reader = _Summing(file)
        tar.addfile(info, reader)
    if reader.digest != part["digest"] or info.size != part["size"]:
        source.unlink()
        raise BuildError(f"{source}: damaged in the cache, and removed from it; run it again")


class _Summing:
    """A file whose bytes are summed as they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sum = file, hashlib.sha256()

    @property
    def digest(self) -> str:
        return f"sha256:{self._sum.hexdigest()}"

    def read(self, size: int = -1) -> bytes:
        command.check()
        chunk = self._file.read(size)
        self._sum.update(chunk)
        return chunk


class Archive:
    """An archive that `write` made, to be taken apart; it was checked before (make bundle-verify)."""

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115 - as long as the file is
        (entry,) = json.loads(self.blob_of("index.json").read())["manifests"]
        index = entry["annotations"].get(INDEX)
        self.image = Image(entry, self.blob(entry["digest"]).read(), self.blob(index).read() if index else None)

    def blob(self, digest: str) -> IO[bytes]:
        """Its bytes."""
        return self.blob_of(blob_name(digest))

    def blob_of(self, name: str) -> IO[bytes]:
        """A file's bytes. KeyError where there is none."""
        source = self._tar.extractfile(name)
        if source is None:
            raise KeyError(name)
        return source


def chosen(index: bytes, architecture: Architecture) -> Descriptor | None:
    """The manifest of that architecture in an index; None where there is none."""
    manifests: Sequence[Descriptor] = json.loads(index)["manifests"]
    for each in manifests:
        platform = each.get("platform") or {}
        if platform.get("os") == "linux" and platform.get("architecture") == architecture:
            return each
    return None
