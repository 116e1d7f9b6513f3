"""The same files and images, at a mirror's addresses. Pure.

Owns where a mirror has what. Leaves the list to upstream.py.
"""

from __future__ import annotations

import dataclasses

from fjordkube.artifacts.needs import Needs


def mirrored(needs: Needs, base: str) -> Needs:
    """Each file below `base` as host and path of its own address: the form that mirrors of many hosts have."""
    files = tuple(dataclasses.replace(f, url=f"{base}/{place(f.url)}") for f in needs.files)
    return dataclasses.replace(needs, files=files)


def place(url: str) -> str:
    """Host and path of an address, e.g. dl.k8s.io/release/v1.37.1/bin/linux/amd64/kubelet."""
    return url.partition("://")[2]


def index_place(reference: str, digest: str) -> str:
    """Where an image's index is, which a registry of one architecture cannot hold: as its own registry has it.

    scripts/artifacts.sh asks for it there.
    """
    host, _, name = reference.partition("/")
    return f"{host}/v2/{name.rpartition(':')[0]}/manifests/{digest}"


def registries(needs: Needs) -> list[str]:
    """Hosts that the images are named after, e.g. registry.k8s.io: a mirror stands in for each."""
    return sorted({image.reference.partition("/")[0] for image in needs.images})
