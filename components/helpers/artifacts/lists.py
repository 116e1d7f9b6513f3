"""Which list a node's needs are taken from, and where what is on it comes from: a bundle here, or the node's own way.

Owns reading the resource's variables. Leaves the bundle's form to bundle.py, and upstream's table to
fjordkube.artifacts.upstream.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fjordkube.artifacts import mirror, upstream
from fjordkube.artifacts.needs import Needs, Role
from fjordkube.errors import FjordkubeError

from ..errors import HelperError
from . import bundle
from .bundle import Bundle


@dataclass(frozen=True)
class Source:
    """Where artifacts come from."""

    title: str
    """For people, e.g. the bundle."""
    needs: Needs
    """Of the node's role."""
    bundle: Bundle | None = None
    """What is sent; None: the node gets everything by itself."""
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
        found = bundle.read(Path(os.path.expanduser(env["FJORDKUBE_BUNDLE"])))
        wanted = {"kubernetes": kubernetes, "calico": calico, "ingress-nginx": ingress}
        if problems := bundle.unfit(found, env["FJORDKUBE_ORIGIN"], wanted):
            raise HelperError("\n".join(f"artifacts.path: {problem}" for problem in problems))
        return Source(f"the bundle {found.place}", found.needs.of(role), found, _way(env))
    try:
        needs = upstream.needs(kubernetes, calico, ingress, "amd64")
    except FjordkubeError as error:
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
        "MIRROR_FILES": env.get("FJORDKUBE_MIRROR_FILES", ""),
        "MIRRORED": "",
        "MIRROR_CA": env.get("FJORDKUBE_MIRROR_CA", ""),
        "MIRROR_LOGIN": base64.b64encode(login.encode()).decode(),
    }
