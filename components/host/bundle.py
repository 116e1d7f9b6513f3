"""Whether the bundle that the settings name is there and is the one that is wanted: asked before anything is made.

Owns the question. Leaves the bundle's form to helpers/artifacts/, which reads the same bundle when it is sent. Loads no
SDK: `make` asks too, before there is an engine.
"""

from __future__ import annotations

import os

from fjordkube.errors import UnfitComputer
from fjordkube.helpers.artifacts import bundle
from fjordkube.helpers.errors import HelperError
from fjordkube.images import Images
from fjordkube.roots import project_root
from fjordkube.settings import BundleArtifacts, ClusterSettings

FIX = "make it by make bundle (OUTPUT= names its folder), or correct the path"


def versions(settings: ClusterSettings, images: Images) -> dict[str, str]:
    """Versions by component that nodes are brought; those that go with Kubernetes follow from it."""
    return {
        "kubernetes": settings.kubernetes.version,
        "calico": settings.network.version,
        "ingress-nginx": images.references["ingress-nginx-controller"].rpartition(":")[2],
    }


def check(settings: ClusterSettings, images: Images, preview: bool) -> None:
    """UnfitComputer with everything that is wrong with it. A preview needs none: it may be on another computer."""
    artifacts = settings.artifacts
    if not isinstance(artifacts, BundleArtifacts) or not artifacts.install:
        return
    place = project_root() / os.path.expanduser(artifacts.path)
    if not place.exists():
        if preview:
            return
        raise UnfitComputer([f"artifacts.path: {artifacts.path} is not there; {FIX}"])
    try:
        problems = bundle.unfit(bundle.read(place), artifacts.origin, versions(settings, images))
    except HelperError as error:
        problems = [str(error)]
    if problems:
        raise UnfitComputer([f"artifacts.path: {problem}" for problem in problems])
