"""A small bundle of source `built` in a folder: one program under two names, one image, one package."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from fjordkube.artifacts.needs import File, Image, Needs, Package
from fjordkube.helpers.artifacts import bundle, index, sbom
from offline import compression, oci
from offline.oci import Layer, Start

MADE = "2026-01-31T23:59:59Z"
PROGRAM = b"\x7fELF calico"
REFERENCE = "fjordkube.local/kubernetes/pause:3.10.2"
CONTROL = "Package: conntrack\nVersion: 1:1.4.8-2\nArchitecture: amd64\nDescription: connections\n of a host"
DEB = "packages/debian-13/conntrack_1.4.8-2_amd64.deb"


def archive(target: Path, reference: str = REFERENCE) -> str:
    """A compressed image at `target`; gives its digest."""
    target.parent.mkdir(parents=True, exist_ok=True)
    layer = Layer()
    layer.program("/pause", b"\x7fELF pause" * 100)
    plain = target.with_name("plain.tar")
    oci.write(plain, reference, layer, Start(("/pause",)))
    compression.compress(plain, target)
    plain.unlink()
    return compression.digest(target)


def make(folder: Path) -> Needs:
    """A bundle with nothing wrong in it."""
    (folder / "files/calico-cni").mkdir(parents=True)
    (folder / "files/calico-cni/calico").write_bytes(PROGRAM)
    digest = archive(folder / "images/pause.tar")
    (folder / DEB).parent.mkdir(parents=True)
    (folder / DEB).write_bytes(b"a package")
    calico = File(
        "calico",
        "calico-cni",
        "v3.28.5",
        "program",
        "",
        0,
        "Apache-2.0",
        "github.com/projectcalico/calico@v1.11.0",
        path="files/calico-cni/calico",
    )
    needs = Needs(
        "amd64",
        {"kubernetes": "v1.37.1", "calico": "v3.28.5"},
        (calico, replace(calico, name="calico-ipam")),
        (Image("pause", REFERENCE, digest, "Apache-2.0", path="images/pause.tar"),),
        {"debian-13": (Package("conntrack", "1:1.4.8-2", DEB, 0, ""),)},
    )
    return write(folder, needs)


def write(folder: Path, needs: Needs) -> Needs:
    """List, index and bill of materials for what is in the folder now."""
    needs = Needs(
        needs.architecture,
        needs.versions,
        tuple(_stated(folder, file) for file in needs.files),
        tuple(_stated(folder, image) for image in needs.images),
        {release: tuple(_stated(folder, one) for one in some) for release, some in needs.packages.items()},
    )
    (folder / bundle.LIST).write_text(bundle.text(bundle.description(needs, "built", MADE)))
    (folder / sbom.NAME).write_text(bundle.text(sbom.of(needs, "built", MADE)))
    for release, packages in needs.packages.items():
        paragraphs = [index.paragraph(CONTROL, Path(one.path).name, one.size, one.sha256) for one in packages]
        (folder / "packages" / release / index.NAME).write_text("\n".join(paragraphs))
    return needs


def again(folder: Path, change: Callable[[Needs], Needs]) -> None:
    """The same with a changed list, everything that follows from the list written to it."""
    write(folder, change(bundle.read(folder).needs))


Item = TypeVar("Item", File, Image, Package)


def _stated(folder: Path, item: Item) -> Item:
    path = folder / item.path
    if not path.is_file():
        return item
    content = path.read_bytes()
    return replace(item, size=len(content), sha256=hashlib.sha256(content).hexdigest())
