"""Brings a node the software that it lacks, before it is prepared: a local command that runs the helper's `artifacts`.

Owns the command, its variables, and the values of its script. Leaves the list to fjordkube.artifacts, the talk with the
node to helpers/artifacts/, and what comes back of it when the machine is released to release.py. A preview shows
versions; checksums are the list's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_command import local

from fjordkube.artifacts.places import CONTROL_PLANE_PACKAGES, FOLDER, PACKAGES
from fjordkube.errors import FjordkubeError
from fjordkube.helpers import launcher
from fjordkube.host import containerd, services, units
from fjordkube.host.paths import ARTIFACTS_INCOMING, ARTIFACTS_RECORD
from fjordkube.node import Node, ssh_environment
from fjordkube.roots import project_root
from fjordkube.settings import Artifacts, BundleArtifacts, MirrorArtifacts, UpstreamArtifacts
from fjordkube.shell import shell


@dataclass(frozen=True)
class ArtifactsArgs:
    """What one node is brought, and from where."""

    settings: Artifacts
    versions: Mapping[str, str]
    """By component: kubernetes, calico, ingress-nginx and what goes with them, e.g. containerd."""
    sandbox_image: str
    """The pause image, which containerd's configuration names."""
    registry_login: pulumi.Input[str] | None = None
    """Secret. user:password of the mirror's registry."""
    registry_ca: str | None = None
    """Certificate that signs the mirror's registry's, PEM."""
    networks: Sequence[str] = ()
    """The cluster's own, e.g. 10.244.0.0/16: no proxy is asked for them."""

    @property
    def proxy(self) -> units.Proxy | None:
        """What images are pulled through; None: registries are reached as they are."""
        if isinstance(self.settings, UpstreamArtifacts) and self.settings.proxy:
            return units.Proxy(self.settings.proxy, self.networks)
        return None

    @classmethod
    def of(
        cls,
        settings: Artifacts,
        versions: Mapping[str, str],
        sandbox_image: str,
        registry_login: pulumi.Input[str] | None = None,
        networks: Sequence[str] = (),
    ) -> ArtifactsArgs:
        """FjordkubeError where the certificate's file cannot be read."""
        ca = None
        if isinstance(settings, MirrorArtifacts) and settings.ca_file:
            file = project_root() / os.path.expanduser(settings.ca_file)
            try:
                ca = file.read_text()
            except (OSError, UnicodeDecodeError):
                raise FjordkubeError(
                    f"artifacts.ca_file: {settings.ca_file} cannot be read; correct the path"
                ) from None
        return cls(settings, versions, sandbox_image, registry_login, ca, networks)


class NodeArtifacts(local.Command):
    """Done when everything is on the node and containerd runs; to delete it does nothing."""

    def __init__(self, name: str, node: Node, args: ArtifactsArgs, opts: pulumi.ResourceOptions) -> None:
        run = launcher.command("artifacts")
        super().__init__(
            name,
            create=run,
            update=run,
            environment={
                "FJORDKUBE_NODE": node.name,
                "FJORDKUBE_ROLE": node.role,
                "FJORDKUBE_SCRIPT": script(node, args),
                **_way(args),
                **{f"FJORDKUBE_VERSION_{_variable(name)}": version for name, version in args.versions.items()},
                **ssh_environment("SSH", node),
                # Waits for it, and a machine made anew needs all of it again.
                "FJORDKUBE_MACHINE": node.up,
                "FJORDKUBE_HELPER": launcher.REVISIONS["artifacts"],
            },
            logging=local.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=opts,
        )


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")


def _way(args: ArtifactsArgs) -> dict[str, pulumi.Input[str]]:
    settings = args.settings
    way: dict[str, pulumi.Input[str]] = {"FJORDKUBE_SOURCE": settings.source, "FJORDKUBE_ORIGIN": settings.origin}
    if isinstance(settings, BundleArtifacts):
        way["FJORDKUBE_BUNDLE"] = settings.path
    elif isinstance(settings, MirrorArtifacts):
        way["FJORDKUBE_MIRROR_FILES"] = settings.files
        way["FJORDKUBE_MIRROR_REGISTRY"] = settings.registry
        if args.registry_ca is not None:
            way["FJORDKUBE_MIRROR_CA"] = args.registry_ca
        if args.registry_login is not None:
            way["FJORDKUBE_REGISTRY_LOGIN"] = pulumi.Output.secret(args.registry_login)
    elif settings.proxy:
        way["FJORDKUBE_PROXY"] = settings.proxy
    return way


def script(node: Node, args: ArtifactsArgs) -> str:
    """The bash text of the node's side; the helper adds what is wanted."""
    files = {
        services.CONTAINERD_PATH: services.containerd_unit(),
        services.KUBELET_PATH: services.kubelet_unit(),
        services.KUBEADM_PATH: services.kubeadm_dropin(),
        units.CONTAINERD_PATH: units.containerd_dropin(args.proxy),
        containerd.PATH: containerd.containerd_config(args.sandbox_image),
        containerd.CRICTL_PATH: containerd.crictl_config(containerd.CRICTL_TIMEOUT),
    }
    values = {
        "NODE_NAME": node.name,
        "FOLDER": FOLDER,
        "INCOMING": ARTIFACTS_INCOMING,
        "RECORD": ARTIFACTS_RECORD,
        "PROGRAMS": "\n".join(
            f"{program} {package}"
            for program, package in PACKAGES.items()
            if node.role == "control-plane" or package not in CONTROL_PLANE_PACKAGES
        ),
        "UNITS": "\n".join(f"{path} 0644" for path in files),
        **{f"UNIT_{number}": text for number, text in enumerate(files.values())},
    }
    return shell(["artifacts"], values)
