"""All steps of the build, in the order in which they are best taken."""

from __future__ import annotations

from offline import (
    compression,
    debian,
    disk,
    emulator,
    kernel,
    manifest,
    packages,
    programs,
    recipes,
    vendor_image,
    vm_image,
)
from offline.step import Step


def steps() -> list[Step]:
    """Every step for the checkout's manifest: programs in one lane, what is put together from them in the other."""
    sources = manifest.load()
    makers = (programs, debian, emulator, kernel, recipes, disk, vm_image, vendor_image, compression, packages)
    return [step for maker in makers for step in maker.steps(sources)]
