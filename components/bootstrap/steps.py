"""The bash texts of bootstrap, each for one node and one SSH round trip.

Owns how settings become values and files of member.sh, peer.sh, addons.sh and join.sh. Leaves acting to those scripts
and wiring to control_plane.py, addons.py and worker.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final, Literal

from fjordkube.bootstrap import hardening, paths
from fjordkube.bootstrap.configuration import cluster_configuration, init_file, join_file
from fjordkube.bootstrap.kubeadm_cluster import KubeadmCluster
from fjordkube.bootstrap.kubelet import kubelet_configuration
from fjordkube.bootstrap.patches import patches
from fjordkube.host.paths import ETCD_DATA
from fjordkube.network.calico_node import address_annotations
from fjordkube.network.kube_proxy import kube_proxy_configuration
from fjordkube.node import Node
from fjordkube.settings import API_PORT
from fjordkube.shell import File, shell
from fjordkube.timing import Timing

Stage = Literal["joinable", "addons"]

_CONTROL_PLANE: Final = {"API_PORT": str(API_PORT), "INIT_FILE": paths.INIT}
"""What control-plane.sh reads."""
_ENCRYPTION: Final = {"SECRETS_ENCRYPTION_FILE": paths.SECRETS_ENCRYPTION}
"""What secrets-encryption.sh reads."""


def member(node: Node, cluster: KubeadmCluster, public_addresses: Sequence[str]) -> str:
    """ "Be a member" on one control plane; the helper puts MAY and what a join needs before it."""
    values = {
        **_CONTROL_PLANE,
        "NODE_NAME": node.name,
        "API_WAIT": str(cluster.timing.api_wait),
        "ETCD_DATA": ETCD_DATA,
        "ETCD_DEVICE": node.etcd_device or "",
        "JOIN_FILE": paths.JOIN,
        "DISCOVERY_FILE": paths.DISCOVERY,
        **_ENCRYPTION,
        "SECRETS_KEY": str(cluster.kubernetes.hardening.key),
    }
    files = {
        paths.INIT: File(init_file(node, cluster, public_addresses)),
        paths.JOIN: File(join_file(node, cluster.timing)),
        **patch_files(cluster.timing),
        **{path: File(text) for path, text in hardening.api_server_files(cluster.kubernetes.hardening).items()},
    }
    return shell(["reset", "control-plane", "secrets-encryption", "member"], values, files)


def peer(timing: Timing) -> str:
    """What another control plane is asked for: the same for each; the helper puts ACTION before it."""
    values = {**_CONTROL_PLANE, **_ENCRYPTION, "LOCK_WAIT": str(timing.api_wait)}
    return shell(["control-plane", "secrets-encryption", "peer"], values)


def secrets_encryption(cluster: KubeadmCluster) -> str:
    """Reads or writes one control plane's keys of Secrets; the helper puts ACTION before it."""
    values = {**_CONTROL_PLANE, **_ENCRYPTION, "API_WAIT": str(cluster.timing.api_wait), "RUN": "yes"}
    return shell(["control-plane", "secrets-encryption"], values)


def kubeconfig() -> str:
    """Reads the administrator's kubeconfig. The same text for every control plane and setting: none is read again."""
    return shell(["control-plane", "kubeconfig"], _CONTROL_PLANE)


def stage(name: Stage, node: Node, cluster: KubeadmCluster, public_addresses: Sequence[str]) -> str:
    """One stage of addons.sh. Its digest covers what the stage uploads, and nothing of this one node."""
    kubernetes, timing = cluster.kubernetes, cluster.timing
    configuration = cluster_configuration(cluster, public_addresses)
    proxy = kube_proxy_configuration(cluster.kube_proxy, kubernetes.version)
    addons = [proxy, cluster.image_repository, kubernetes.version, configuration["networking"]]
    values = {
        **_CONTROL_PLANE,
        "STAGE": name,
        "NODE_NAME": node.name,
        "JOINABLE_DIGEST": digest([configuration, kubelet_configuration(kubernetes, timing)]),
        "ADDONS_DIGEST": digest(addons),
        "NODE_ANNOTATIONS": json.dumps(address_annotations(node.address, node.prefix_length)),
        "LOCK_WAIT": str(timing.api_wait),
    }
    return shell(["control-plane", "addons"], values)


def join(node: Node, cluster: KubeadmCluster) -> str:
    """A worker's membership; the helper puts CLUSTER_CA, DISCOVERY and REGISTERED before it."""
    timing = cluster.timing
    values = {
        "NODE_NAME": node.name,
        "JOIN_FILE": paths.JOIN,
        "DISCOVERY_FILE": paths.DISCOVERY,
        "KUBELET_DIGEST": digest(kubelet_configuration(cluster.kubernetes, timing)),
        "LOCK_WAIT": str(timing.api_wait),
    }
    return shell(["reset", "join"], values, {paths.JOIN: File(join_file(node, timing))})


def reset() -> str:
    """Takes a machine that stays out of its cluster."""
    return shell(["reset"], {"RESET": "now"})


def patch_files(timing: Timing) -> dict[str, File]:
    """kubeadm's patches by path."""
    return {f"{paths.PATCHES}/{name}": File(text) for name, text in patches(timing).items()}


def digest(content: Any) -> str:
    """Of any JSON-like content, independent of key order; hex."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
