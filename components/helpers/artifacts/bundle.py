"""A bundle: what nodes need, on the operator's computer, as a folder or one .tar; read and checked without root or Go.

Owns `bundle.json`, the places below it and the check. Leaves the list's shape to needs.py and making one to `offline/`.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from fjordkube.artifacts.needs import Architecture, File, Image, Needs, Origin, Package, from_json

from ..errors import HelperError
from . import archive, contents, index, sbom
from .contents import Contents

LIST: Final = "bundle.json"
FILES: Final = "files"
IMAGES: Final = "images"
PACKAGES: Final = "packages"
AGAIN: Final = "make the bundle again"


@dataclass(frozen=True)
class Bundle:
    """A bundle whose list could be read; `verify` says whether the rest is as the list says."""

    contents: Contents
    needs: Needs
    origin: Origin
    made: str
    """When, in UTC, as 2026-01-31T23:59:59Z."""

    @property
    def place(self) -> Path:
        """Its folder or .tar."""
        return self.contents.place


def description(needs: Needs, origin: Origin, made: str) -> dict[str, Any]:
    """What `bundle.json` holds."""
    return {**needs.as_json(), "origin": origin, "made": made}


def text(entry: dict[str, Any]) -> str:
    """JSON as the bundle's own files have it."""
    return json.dumps(entry, indent=1) + "\n"


def read(place: Path) -> Bundle:
    """Reads the list. HelperError, naming the place, where it is none or of another format."""
    inside = contents.look(place)
    if LIST not in inside.sizes:
        raise HelperError(f"{place}: no bundle, it has no {LIST}; name a bundle's folder or .tar, or {AGAIN}")
    try:
        entry = json.loads(inside.read(LIST))
        if not isinstance(entry, dict):
            raise ValueError("no table")
        needs = from_json(entry)
        origin = next((known for known in get_args(Origin) if known == entry.get("origin")), None)
        if origin is None:
            raise ValueError(f"origin: {entry.get('origin')!r}; {' or '.join(get_args(Origin))}")
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(entry.get("made"))):
            raise ValueError(f"made: {entry.get('made')!r}; a time in UTC")
        if needs.architecture not in get_args(Architecture):
            raise ValueError(f"architecture: {needs.architecture!r}; {' or '.join(get_args(Architecture))}")
    except ValueError as error:
        raise HelperError(f"{place}: {LIST}: {error}; {AGAIN}") from None
    return Bundle(inside, needs, origin, str(entry["made"]))


def unfit(bundle: Bundle, origin: str, versions: Mapping[str, str]) -> list[str]:
    """How a bundle is not what the settings ask for: all differences, each `state; fix`. Nothing but its list is read.

    `versions`: wanted ones by component; the bundle's others do not matter.
    """
    problems: list[str] = []
    if bundle.origin != origin:
        problems.append(f"{bundle.place} has artifacts of origin {bundle.origin}, not {origin}; make one of {origin}")
    for component, version in versions.items():
        found = bundle.needs.versions.get(component)
        if found != version:
            has = f"{component} {found}, not {version}" if found else f"no {component}, {version} is wanted"
            problems.append(f"{bundle.place} has {has}; make one of that version")
    return problems


def verify(bundle: Bundle, architecture: Architecture | None = None) -> list[str]:
    """Everything that is not as the list says, each `path: state; fix`; reads every byte.

    `architecture`: the nodes' own, where it is known.
    """
    problems = list(_problems(bundle))
    if architecture and architecture != bundle.needs.architecture:
        wanted = f"{bundle.needs.architecture}, and the nodes are {architecture}"
        problems.insert(0, f"{LIST}: architecture: {wanted}; make a bundle for {architecture}")
    return problems


def _problems(bundle: Bundle) -> Iterator[str]:
    inside, needs = bundle.contents, bundle.needs
    folders = {release: f"{PACKAGES}/{release}" for release in needs.packages}
    listed: list[tuple[File | Image | Package, str]] = [
        *((file, FILES) for file in needs.files),
        *((image, IMAGES) for image in needs.images),
        *((package, folders[release]) for release, packages in needs.packages.items() for package in packages),
    ]
    seen: dict[str, tuple[int, str]] = {}
    for item, folder in listed:
        stated = item.size, item.sha256
        if item.path in seen:  # one file under two names is listed twice
            if seen[item.path] != stated:
                yield f"{item.path}: listed twice, with two sizes or checksums; {AGAIN}"
        else:
            seen[item.path] = stated
            yield from _whole(inside, item, folder)
    for image in needs.images:
        if image.path in inside.sizes:
            yield from _image(inside, image, needs.architecture)
    for release, packages in needs.packages.items():
        yield from _index(inside, folders[release], packages)
    yield from _sbom(bundle)
    known = {LIST, sbom.NAME, *seen, *(f"{folder}/{index.NAME}" for folder in folders.values())}
    for path in sorted({*inside.sizes, *inside.strange} - known):
        yield f"{path}: not in {LIST}; remove it, or {AGAIN}"
    for path in sorted(known & set(inside.strange)):
        yield f"{path}: no regular file; {AGAIN}"


def _whole(inside: Contents, item: File | Image | Package, folder: str) -> Iterator[str]:
    path = item.path
    if not path.startswith(f"{folder}/") or posixpath.normpath(path) != path:
        yield f"{path or item}: listed at a place that is not below {folder}/; {AGAIN}"
    elif path in inside.strange:
        return  # told once, with what else is no regular file
    elif path not in inside.sizes:
        yield f"{path}: missing; {AGAIN}"
    elif inside.sizes[path] != item.size:
        yield f"{path}: {inside.sizes[path]} bytes, {LIST} says {item.size}; {AGAIN}"
    elif (found := inside.sha256(path)) != item.sha256:
        yield f"{path}: SHA-256 {found}, {LIST} says {item.sha256}; {AGAIN}"


def _image(inside: Contents, image: Image, architecture: str) -> Iterator[str]:
    with inside.open(image.path) as file:
        found = archive.look(file, architecture)
    for problem in found.problems:
        yield f"{image.path}: {problem}; {AGAIN}"
    if not found.digests:
        return
    if set(found.digests) != {image.reference}:
        yield f"{image.path}: brings {', '.join(sorted(found.digests))}, {LIST} says {image.reference}; {AGAIN}"
    elif found.digests[image.reference] != image.digest:
        brought = found.digests[image.reference]
        yield f"{image.path}: brings {brought}, {LIST} says {image.digest or 'no digest'}; {AGAIN}"


def _index(inside: Contents, folder: str, packages: tuple[Package, ...]) -> Iterator[str]:
    path = f"{folder}/{index.NAME}"
    if path not in inside.sizes:
        yield f"{path}: missing, apt finds no package without it; {AGAIN}"
        return
    try:
        entries = index.paragraphs(inside.read(path).decode())
    except ValueError as error:
        yield f"{path}: {error}; {AGAIN}"
        return
    stated = {
        (f"{folder}/{index.place(one)}", one.get("Package"), one.get("Version"), one.get("Size"), one.get("SHA256"))
        for one in entries
    }
    listed = {(one.path, one.name, one.version, str(one.size), one.sha256) for one in packages}
    for file, *_ in sorted(stated ^ listed, key=str):
        yield f"{path}: {file} is not there as {LIST} says; {AGAIN}"


def _sbom(bundle: Bundle) -> Iterator[str]:
    if sbom.NAME not in bundle.contents.sizes:
        yield f"{sbom.NAME}: missing; {AGAIN}"
        return
    try:
        found = json.loads(bundle.contents.read(sbom.NAME))
    except ValueError:
        yield f"{sbom.NAME}: no JSON; {AGAIN}"
        return
    if found != sbom.of(bundle.needs, bundle.origin, bundle.made):
        yield f"{sbom.NAME}: does not say what {LIST} says; {AGAIN}"
