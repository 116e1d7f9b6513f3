"""What nodes need beside their system (Kubernetes, containerd, images), and where it comes from.

Owns what a person decides. Leaves the list itself to `components/artifacts/`, and whether a bundle is there and whole
to the commands and the helper that read it.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from fjordkube.artifacts.needs import Origin
from fjordkube.settings.base import Settings, with_default_tag
from fjordkube.settings.types import Flag, Line, refusal

_REGISTRY: Final = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, login = parts.hostname, parts.username
        _ = parts.port
    except ValueError:
        host = login = None
    if login is not None:
        # not repeated: it may be a password
        raise refusal("has a login in it, in plain text", "leave it out: the settings are in git and in every preview")
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or not value.isascii():
        raise refusal("is not an http or https address", "write one such as https://mirror.example.no/files")
    return value.rstrip("/")


def _registry(value: str) -> str:
    if "@" in value:
        raise refusal(
            "has a login in it, in plain text",
            "leave it out, and run: pulumi config set --secret fjordkube:registryLogin user:password",
        )
    if not _REGISTRY.fullmatch(value):
        raise refusal("is not a registry", "write host, port and folder without https://, e.g. registry.example.no/k8s")
    return value


def _project_path(value: str) -> str:
    # it is in the stack's state, which is read from several computers
    if value.startswith("/"):
        raise refusal("starts at this computer's root", "write it relative to the checkout, or below ~/")
    return value


Url = Annotated[Line, AfterValidator(_url)]
"""An address of http or https without a login, e.g. https://mirror.example.no/files."""

Registry = Annotated[Line, AfterValidator(_registry)]
"""A registry's host with port and folder, e.g. registry.example.no:5000/kubernetes."""

ProjectPath = Annotated[Line, AfterValidator(_project_path)]
"""A file or folder of the checkout, or below the home of whoever runs `up`, e.g. bundles/production or ~/bundles/1."""


class AnyArtifacts(Settings):
    """What all ways have."""

    install: Flag = True
    """Whether `up` installs what a node lacks. false: nodes carry all of it already, and `up` asks for it."""


class UpstreamArtifacts(AnyArtifacts):
    """Nodes download from the projects' own release hosts and registries; checksums are held."""

    source: Literal["upstream"] = "upstream"
    """Where artifacts come from: upstream."""
    origin: Origin = "upstream"
    """Whose programs and images they are: upstream (the projects' own), or built (by this project's offline build);
    with source upstream, nodes must carry built ones already (`install: false`)."""
    proxy: Url | None = None
    """Proxy of downloads, of the package manager and of containerd's pulls of images, e.g.
    http://proxy.example.no:3128. The kubelet and pods take none."""


class MirrorArtifacts(AnyArtifacts):
    """The projects' own files and images, from a mirror of yours; checksums are the same."""

    source: Literal["mirror"] = "mirror"
    """Where artifacts come from: mirror."""
    files: Url = Field(examples=["https://mirror.example.no/files"])
    """Where files are, below it as host and path of their own address, e.g. https://mirror.example.no/files for
    https://mirror.example.no/files/dl.k8s.io/release/v1.37.1/bin/linux/amd64/kubelet."""
    registry: Registry = Field(examples=["registry.example.no"])
    """Registry that has the images, below the name of their own registry, e.g. registry.example.no for
    registry.example.no/registry.k8s.io/pause:3.10.2. Its login comes from `pulumi config set --secret
    fjordkube:registryLogin user:password`."""
    ca_file: Line | None = None
    """Certificate that signs the registry's, PEM, e.g. certificates/mirror.pem; a relative path starts in the checkout.
    None: one that nodes trust already."""

    @property
    def origin(self) -> Origin:
        """Whose programs and images they are."""
        return "upstream"


class BundleArtifacts(AnyArtifacts):
    """A folder or .tar on the computer that runs `up`; what a node lacks goes over its SSH connection."""

    source: Literal["bundle"] = "bundle"
    """Where artifacts come from: bundle."""
    path: ProjectPath = Field(examples=["bundles/production"])
    """The bundle's folder or .tar, made by `make bundle`, e.g. bundles/production; relative to the checkout, or below
    ~/."""
    origin: Origin = "upstream"
    """Whose programs and images are in it: upstream (the projects' own), or built (by this project's offline build)."""


Artifacts = Annotated[
    Annotated[UpstreamArtifacts | MirrorArtifacts | BundleArtifacts, Field(discriminator="source")],
    BeforeValidator(with_default_tag("source", "upstream")),
]
"""Where what nodes need comes from."""
