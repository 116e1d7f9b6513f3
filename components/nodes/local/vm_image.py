"""Which image this checkout's virtual machines are made from: its digest, known before it is built.

Owns the checkout's note of the wanted image. Leaves the image's files to helpers/local_vm/image.py, making them to
`offline/`, and what pods are started from to images.py. Only `up` of source `local` needs the image itself.
"""

from __future__ import annotations

import json
from pathlib import Path

from fjordkube.errors import VmImageMissing
from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.local_vm import image
from fjordkube.helpers.local_vm.image import VmImage
from fjordkube.roots import home_root


def pointer(kubernetes: str, calico: str) -> Path:
    """The file that names this checkout's image for these versions: two checkouts may differ in what goes in."""
    return home_root() / "bundles" / f"{kubernetes}-{calico}.json"


def note(kubernetes: str, calico: str, digest: str) -> None:
    """Writes down which image is wanted, built or not; does nothing where that is known."""
    path, text = pointer(kubernetes, calico), json.dumps({"digest": digest}) + "\n"
    if not (path.exists() and path.read_text() == text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def wanted(kubernetes: str, calico: str) -> str:
    """The digest of the image for these versions. VmImageMissing with the fix where nobody has noted it."""
    try:
        return str(json.loads(pointer(kubernetes, calico).read_text())["digest"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise VmImageMissing(
            f"image of virtual machines for Kubernetes {kubernetes}, Calico {calico}: not known in {home_root()}; "
            "run make preview or make up"
        ) from None


def built(digest: str) -> VmImage | None:
    """The image, if it is built."""
    try:
        return image.find(digest)
    except HelperError:
        return None


def find(kubernetes: str, calico: str) -> VmImage:
    """The image for these versions. VmImageMissing with the fix where it is not known or not built."""
    try:
        return image.find(wanted(kubernetes, calico))
    except HelperError as error:
        raise VmImageMissing(str(error)) from None
