"""The cache's images and programs compressed: what is sent to nodes is a third as large.

Owns the compressed form. Leaves an image's content to `recipes.py`, and which programs to `bundle.py`. Images of the
guests' disk stay uncompressed, since they are unpacked on this machine. Equal inputs give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from fjordkube.roots import cache_root
from offline import command, keys, recipes
from offline.command import BuildError
from offline.manifest import Manifest
from offline.step import Step

LEVEL = 6
"""zlib's own default: level 9 takes three times as long for 1 % less (zlib.net/zlib_tech.html says as much)."""

CHUNK = 2**20


def step_name(key: str) -> str:
    """The step that writes an image's compressed archive."""
    return f"compressed-{key}"


def path(manifest: Manifest, key: str) -> Path:
    """Where the cache keeps it."""
    digest = keys.of(keys.place(recipes.archive(manifest, key)), Path(__file__))
    return cache_root() / "compressed" / digest / f"{key}.tar"


def steps(manifest: Manifest) -> Iterator[Step]:
    """One step per image."""
    for image in manifest.images:
        source = recipes.archive(manifest, image.key)
        yield Step(
            step_name(image.key),
            f"image {image.name.rpartition('/')[2]}, compressed",
            path(manifest, image.key),
            lambda target, source=source: compress(source, target),  # type: ignore[misc]
            COMPRESSED_SECONDS,
            lane="assemble",
            needs=(recipes.image_step(image.key),),
            on_request=True,
        )


COMPRESSED_SECONDS = 5.0
"""Mean of the images' times on 2 cores."""


def program_step(program: Step) -> Step:
    """The step that compresses what another one makes."""
    digest = keys.of(keys.place(program.result), Path(__file__))
    return Step(
        step_name(program.name),
        f"{program.name}, compressed",
        cache_root() / "compressed" / digest / f"{program.name}.gz",
        lambda target: _squeeze_file(program.result, target),
        2.0,
        lane="assemble",
        needs=(program.name,),
        on_request=True,
    )


def _squeeze_file(source: Path, target: Path) -> None:
    with source.open("rb") as content:
        _squeeze(content, target)


def compress(source: Path, target: Path) -> None:
    """Writes `source` (of oci.py: one manifest) again at `target`, its layers as gzip."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder, tarfile.open(source) as old:
        index = json.loads(_blob(old, "index.json"))
        (entry,) = index["manifests"]
        manifest = json.loads(_blob(old, _place(entry["digest"])))
        with tarfile.open(target, "w") as new:
            layers = []
            for number, layer in enumerate(manifest["layers"]):
                file = Path(folder) / str(number)
                layers.append(_compressed(old, layer, file))
                _add(new, _place(layers[-1]["digest"]), file)
            _add(new, _place(manifest["config"]["digest"]), _blob(old, _place(manifest["config"]["digest"])))
            text = _json({**manifest, "layers": layers})
            digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
            _add(new, _place(digest), text)
            entry |= {"digest": digest, "size": len(text)}
            _add(new, "index.json", _json(index))
            _add(new, "oci-layout", _blob(old, "oci-layout"))


def digest(archive: Path) -> str:
    """Of the manifest in a compressed archive: what a node's containerd shows for the image."""
    with tarfile.open(archive) as tar:
        (entry,) = json.loads(_blob(tar, "index.json"))["manifests"]
        return str(entry["digest"])


def _compressed(tar: tarfile.TarFile, layer: Mapping[str, Any], target: Path) -> dict[str, Any]:
    source = tar.extractfile(_place(layer["digest"]))
    if source is None:
        raise BuildError(f"{layer['digest']}: no file in the image's archive; build the image again")
    digest, size = _squeeze(source, target)
    kind = f"{layer['mediaType']}+gzip"
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": size}


def _squeeze(source: IO[bytes], target: Path) -> tuple[str, int]:
    """SHA-256 in hex and bytes of what was written."""
    # gzip's header as zlib writes it has no name and no time
    squeeze, digest, size = zlib.compressobj(LEVEL, zlib.DEFLATED, 31), hashlib.sha256(), 0
    with target.open("wb") as file:
        while True:
            command.check()
            chunk = source.read(CHUNK)
            packed = squeeze.compress(chunk) if chunk else squeeze.flush()
            digest.update(packed)
            size += file.write(packed)
            if not chunk:
                return digest.hexdigest(), size


def _place(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _blob(tar: tarfile.TarFile, name: str) -> bytes:
    source = tar.extractfile(name)
    if source is None:
        raise BuildError(f"{name}: no file in the image's archive; build the image again")
    return source.read()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _add(tar: tarfile.TarFile, name: str, content: bytes | Path) -> None:
    info = tarfile.TarInfo(name)  # mode 0644, root's, of 1970
    if isinstance(content, bytes):
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
        return
    info.size = content.stat().st_size
    with content.open("rb") as file:
        tar.addfile(info, file)
