"""OCI archives as containers' runtimes import them: what name and digest they bring, and whether their parts hold.

Owns reading them. Leaves writing to `offline/`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

CHUNK = 2**20
GZIP = b"\x1f\x8b"
"""First bytes of what gzip wrote: archives and their layers may be compressed."""

NAME = "io.containerd.image.name"
"""Annotation of an index' entry that containerd's import takes as the image's full name."""

INDEX = "local.fjordkube.index"
"""Annotation beside it: digest of the index of all architectures that upstream's tag stands for. It lies in the archive
as any blob does; containerd takes no notice of it."""


@dataclass(frozen=True)
class Inside:
    """What an archive brings."""

    digests: Mapping[str, str]
    """Digest of the manifest or index by full name: what the runtime shows after the import."""
    problems: tuple[str, ...]
    """State of what does not hold, without the archive's name."""


def look(file: IO[bytes], architecture: str) -> Inside:
    """Reads the whole archive once. Problems are told, not raised: also those of a file that is no archive."""
    try:
        return _look(file, architecture)
    except (
        tarfile.TarError,
        EOFError,
        gzip.BadGzipFile,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        zlib.error,
    ) as error:
        return Inside({}, (f"no OCI archive ({type(error).__name__}: {error})",))


def _look(file: IO[bytes], architecture: str) -> Inside:
    problems: list[str] = []
    small: dict[str, bytes] = {}
    sums: dict[str, _Sum] = {}
    start = file.read(2)
    file.seek(0)
    plain: IO[bytes] = gzip.GzipFile(fileobj=file) if start == GZIP else file  # type: ignore[assignment]
    with tarfile.open(fileobj=plain, mode="r:") as tar:
        for entry in tar:
            source = tar.extractfile(entry) if entry.isreg() else None
            if source is None:
                continue
            sums[entry.name] = found = _sum(source, entry.size)
            if found.start is not None:
                small[entry.name] = found.start
            if entry.name.startswith("blobs/sha256/") and not entry.name.endswith(found.sha256):
                problems.append(f"{entry.name} has SHA-256 {found.sha256}")
    if json.loads(small["oci-layout"])["imageLayoutVersion"] != "1.0.0":
        problems.append("oci-layout is not 1.0.0")
    digests: dict[str, str] = {}
    for descriptor in json.loads(small["index.json"])["manifests"]:
        if name := (descriptor.get("annotations") or {}).get(NAME):
            digests[name] = descriptor["digest"]
        problems += _kept_index(descriptor, small)
        problems += _image(descriptor, small, sums, architecture)
    if not digests:
        problems.append(f"no image has the annotation {NAME}")
    return Inside(digests, tuple(problems))


def _kept_index(descriptor: Mapping[str, Any], small: Mapping[str, bytes]) -> Iterator[str]:
    kept = (descriptor.get("annotations") or {}).get(INDEX)
    if kept is None:
        return
    content = small.get(_blob({"digest": kept}))
    if content is None:
        yield f"the index {kept} is missing in it"
    elif descriptor["digest"] not in [below["digest"] for below in json.loads(content)["manifests"]]:
        yield f"the index {kept} does not name {descriptor['digest']}"


def _image(
    descriptor: Mapping[str, Any], small: Mapping[str, bytes], sums: Mapping[str, _Sum], architecture: str
) -> Iterator[str]:
    if lacking := _unlike(descriptor, sums):
        yield lacking
        return
    manifest = json.loads(small[_blob(descriptor)])
    for manifest_below in manifest.get("manifests", ()):  # an index: one manifest for each platform
        platform = manifest_below.get("platform") or {}
        if platform.get("architecture") == architecture:
            yield from _image(manifest_below, small, sums, architecture)
    if "manifests" in manifest:
        return
    parts = [manifest["config"], *manifest["layers"]]
    lacking_parts = [lacking for part in parts if (lacking := _unlike(part, sums))]
    yield from lacking_parts
    if lacking_parts:
        return
    config = json.loads(small[_blob(manifest["config"])])
    if config.get("architecture") != architecture:
        yield f"an image for {config.get('architecture')}, and {architecture} is wanted"
    plain = [f"sha256:{sums[_blob(layer)].plain}" for layer in manifest["layers"]]
    if config["rootfs"]["diff_ids"] != plain:
        yield "layers are not those that the image's configuration names (diff_ids)"


def _unlike(descriptor: Mapping[str, Any], sums: Mapping[str, _Sum]) -> str:
    """How a part is not what its descriptor says; empty where it is."""
    found = sums.get(_blob(descriptor))
    if found is None:
        return f"{descriptor['digest']} is missing in it"
    if found.size != descriptor["size"]:
        return f"{descriptor['digest']} has {found.size} bytes, {descriptor['size']} are said"
    return ""


def _blob(descriptor: Mapping[str, Any]) -> str:
    return "blobs/" + str(descriptor["digest"]).replace(":", "/")


@dataclass(frozen=True)
class _Sum:
    """A file of the archive, read once."""

    size: int
    sha256: str
    plain: str
    """SHA-256 of what gzip holds, where it is gzip; else the file's own."""
    start: bytes | None
    """The whole of a small file."""


def _sum(source: IO[bytes], size: int) -> _Sum:
    digest, plain = hashlib.sha256(), hashlib.sha256()
    chunk = source.read(CHUNK)
    start = chunk if size <= CHUNK else None
    unzip = zlib.decompressobj(wbits=31) if chunk[:2] == GZIP else None
    while chunk:
        digest.update(chunk)
        plain.update(unzip.decompress(chunk) if unzip else chunk)
        while unzip and unzip.eof and unzip.unused_data:  # gzip may be written in several members
            rest, unzip = unzip.unused_data, zlib.decompressobj(wbits=31)
            plain.update(unzip.decompress(rest))
        chunk = source.read(CHUNK)
    return _Sum(size, digest.hexdigest(), plain.hexdigest(), start)
