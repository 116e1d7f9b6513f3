"""The same files and images, at a mirror's addresses. Pure.

Owns where a mirror has what. Leaves the list to upstream.py.
"""

from __future__ import annotations

import dataclasses

from fjordkube.artifacts.needs import Needs


def mirrored(needs: Needs, base: str) -> Needs:
    """Each file below `base` as host and path of its own address: the form that mirrors of many hosts have."""
    files = tuple(dataclasses.replace(f, url=f"{base}/{f.url.partition('://')[2]}") for f in needs.files)
    return dataclasses.replace(needs, files=files)


def registries(needs: Needs) -> list[str]:
    """Hosts that the images are named after, e.g. registry.k8s.io: a mirror stands in for each."""
    return sorted({image.reference.partition("/")[0] for image in needs.images})
