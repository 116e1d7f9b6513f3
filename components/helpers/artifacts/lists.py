"""Which list a node's needs are taken from, and where what is on it comes from: a bundle here, or the node's own way.

Owns reading the resource's variables. Leaves the bundle's form to fjordkube.artifacts.bundle, and upstream's table to
fjordkube.artifacts.upstream.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fjordkube.artifacts import bundle, mirror, upstream
from fjordkube.artifacts.needs import Needs, Role

from ..errors import HelperError


@dataclass(frozen=True)
class Source:
    """Where artifacts come from."""

    title: str
    """For people, e.g. the bundle."""
    needs: Needs
    """Of the node's role."""
    folder: Path | None = None
    """The bundle's; None: the node gets everything by itself."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What the node's script is told of the way."""


def find(env: Mapping[str, str]) -> Source:
    """HelperError where there is no such list, or it is of other versions."""
    role: Role = "control-plane" if env["FJORDKUBE_ROLE"] == "control-plane" else "worker"
    kubernetes, calico, ingress = (
        env[f"FJORDKUBE_VERSION_{name}"] for name in ("KUBERNETES", "CALICO", "INGRESS_NGINX")
    )
    if env["FJORDKUBE_SOURCE"] == "bundle":
        # relative to the project's folder, in which the engine runs this program
        folder = Path(os.path.expanduser(env["FJORDKUBE_BUNDLE"]))
        try:
            found = bundle.read(folder)
            bundle.check(found, env["FJORDKUBE_ORIGIN"], {"kubernetes": kubernetes, "calico": calico})
        except bundle.BundleError as error:
            raise HelperError(f"artifacts.path: {error}") from None
        return Source(f"the bundle {folder}", found.needs.of(role), folder, _way(env))
    try:
        needs = upstream.needs(kubernetes, calico, ingress, "amd64")
    except LookupError as error:
        raise HelperError(f"artifacts: {error}") from None
    if env["FJORDKUBE_SOURCE"] == "mirror":
        way = {**_way(env), "MIRRORED": " ".join(mirror.registries(needs))}
        return Source("the mirror", mirror.mirrored(needs, env["FJORDKUBE_MIRROR_FILES"]).of(role), None, way)
    return Source("upstream's list", needs.of(role), None, _way(env))


def _way(env: Mapping[str, str]) -> dict[str, str]:
    login = env.get("FJORDKUBE_REGISTRY_LOGIN", "")
    return {
        "PROXY": env.get("FJORDKUBE_PROXY", ""),
        "MIRROR": env.get("FJORDKUBE_MIRROR_REGISTRY", ""),
        "MIRRORED": "",
        "MIRROR_CA": env.get("FJORDKUBE_MIRROR_CA", ""),
        "MIRROR_LOGIN": base64.b64encode(login.encode()).decode(),
    }
