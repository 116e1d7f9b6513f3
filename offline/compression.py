"""The cache's images and programs compressed: what is sent to nodes is a third as large.

Owns the compressed form. Leaves an image's content to `recipes.py`, and which programs to `bundle.py`. Images of the
guests' disk stay uncompressed, since they are unpacked on this machine. Equal inputs give equal bytes.
"""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

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
    return cache_root() / "compressed" / digest / f"{key}.tar.gz"


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


def program_step_name(program: str) -> str:
    """The step that compresses a program; images may have the same name."""
    return f"compressed-program-{program}"


def program_step(program: Step) -> Step:
    """The step that compresses what another one makes."""
    digest = keys.of(keys.place(program.result), Path(__file__))
    return Step(
        program_step_name(program.name),
        f"{program.name}, compressed",
        cache_root() / "compressed" / digest / f"{program.name}.gz",
        lambda target: compress(program.result, target),
        2.0,
        lane="assemble",
        needs=(program.name,),
        on_request=True,
    )


def compress(source: Path, target: Path) -> None:
    """Writes `source` again at `target`, as gzip.

    The archive as a whole, not its layers: a node's own gzip decompresses several times as fast as containerd does
    (measured on an emulated processor: an image of 235 MB took 86 s to import with layers of gzip).
    """
    # gzip's header as zlib writes it has no name and no time
    squeeze = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
    with source.open("rb") as content, target.open("wb") as file:
        while chunk := content.read(CHUNK):
            command.check()
            file.write(squeeze.compress(chunk))
        file.write(squeeze.flush())


def digest(archive: Path) -> str:
    """Of the manifest in an archive, compressed or not: what a node's containerd shows for the image."""
    with tarfile.open(archive) as tar:
        source = tar.extractfile("index.json")
        if source is None:
            raise BuildError(f"{archive}: index.json is no file; build the image again")
        (entry,) = json.loads(source.read())["manifests"]
        return str(entry["digest"])
