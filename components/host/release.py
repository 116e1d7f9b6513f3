"""Gives a machine that was lent back as it was, when it leaves the stack: nothing on create, everything on delete.

Owns the resource and the values of its script. Leaves undoing to scripts/release.sh, and that a dead machine blocks
nothing to helpers/membership/removal.py. Machines that are deleted with the stack have none.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import pulumi
from pulumi_command import local

from fjordkube.artifacts import places
from fjordkube.firewall import nftables
from fjordkube.helpers import launcher
from fjordkube.host import api_proxy, containerd, firewall, modules, services, sysctls, units
from fjordkube.host.paths import ARTIFACTS_INCOMING, ARTIFACTS_RECORD, AUDIT_LOGS, ETCD_DATA, ETCD_MOUNT, KUBEADM
from fjordkube.node import Node, ssh_environment
from fjordkube.shell import shell

FOLDERS = (
    *(str(PurePosixPath(path).parent) for path in (units.KUBELET_PATH, units.CONTAINERD_PATH, ARTIFACTS_INCOMING)),
    *("/opt/cni/bin", "/opt/cni", "/opt/containerd/bin", "/opt/containerd/lib", "/opt/containerd"),
)
"""Folders that we or containerd by our configuration made; each before the one that it is in."""

RUNTIME_FOLDERS = ("/etc/cni/net.d", "/etc/cni")
"""What any containerd makes and watches: they go with one that came with us."""


class Release(local.Command):
    """A local command whose `delete` enters the machine; to create and to update it does nothing."""

    def __init__(self, name: str, node: Node, parent: pulumi.Resource) -> None:
        super().__init__(
            name,
            create="true",
            delete=launcher.command("release"),
            environment={
                "FJORDKUBE_NODE": node.name,
                "FJORDKUBE_RELEASE_SCRIPT": script(node),
                # Waits for it: a machine that was found to be somebody else's is never reset by us.
                "FJORDKUBE_MACHINE": node.up,
                **ssh_environment("SSH", node),
            },
            logging=local.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=parent),
        )


def script(node: Node) -> str:
    """The bash text that undoes what host.sh and kubeadm did on that node."""
    values = {
        "NODE_NAME": node.name,
        "ETCD_DEVICE": node.etcd_device or "",
        "ETCD_MOUNT": ETCD_MOUNT,
        "ETCD_DATA": ETCD_DATA if node.role == "control-plane" else "",
        "FILES": " ".join([modules.PATH, sysctls.PATH, units.KUBELET_PATH, units.CONTAINERD_PATH, *api_proxy.FILES]),
        "EMPTY": " ".join(FOLDERS),
        "CRICTL_FILE": containerd.CRICTL_PATH,
        "ARTIFACTS_EMPTY": " ".join(RUNTIME_FOLDERS),
        "OWN_FILES": f"{containerd.PATH} {containerd.CRICTL_PATH}",
        "KUBEADM_FILES": KUBEADM,
        "AUDIT_LOGS": AUDIT_LOGS,
        "ARTIFACTS_FOLDER": places.FOLDER,
        "ARTIFACTS_RECORD": ARTIFACTS_RECORD,
        "ARTIFACTS_INCOMING": ARTIFACTS_INCOMING,
        "ARTIFACTS_LINKS": " ".join(sorted(set(places.LINKS.values()))),
        "ARTIFACTS_BY_PODS": " ".join(places.BY_PODS),
        "ARTIFACTS_UNITS": " ".join([services.CONTAINERD_PATH, services.KUBELET_PATH, services.KUBEADM_PATH]),
        "FIREWALL_TABLE": nftables.TABLE,
        "FIREWALL_FILES": " ".join([units.FIREWALL_WANT, units.FIREWALL_PATH, firewall.PATH]),
    }
    return shell(["reset", "artifacts_release", "release"], values)
