"""The bash texts of bootstrap, each for one node and one SSH round trip.

Owns how settings become values and files of member.sh, addons.sh and join.sh. Leaves acting to those scripts and
wiring to control_plane.py and worker.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

from components.bootstrap import places
from components.bootstrap.configuration import cluster_configuration, init_file, join_file
from components.bootstrap.kubelet import kubelet_configuration
from components.bootstrap.patches import static_pod_patches
from components.network.calico_node import address_annotations
from components.network.kube_proxy import kube_proxy_configuration
from components.node import Node
from components.pace import Pace
from components.remote import File, shell
from components.settings import API_PORT, Stack

Stage = Literal["membership", "addons"]
Answer = Literal["kubeconfig", "state"]


def member(
    node: Node,
    settings: Stack,
    pace: Pace,
    all_nodes: Sequence[Node],
    public_addresses: Sequence[str],
    image_repository: str,
    answer: Answer = "kubeconfig",
) -> str:
    """ "Be a member" on one control plane; prints the administrator's kubeconfig, or its state as one JSON line."""
    others = [peer.address for peer in all_nodes if peer.role == "control-plane" and peer.name != node.name]
    values = {
        "ANSWER": answer,
        "NODE_NAME": node.name,
        "API_PORT": str(API_PORT),
        "API_WAIT": str(pace.api_wait),
        "ETCD_DATA": places.ETCD_DATA,
        "ETCD_DEVICE": node.etcd_device or "",
        "INIT_FILE": places.INIT,
        "JOIN_FILE": places.JOIN,
        "DISCOVERY_FILE": places.DISCOVERY,
        "OTHERS": " ".join(others),
    }
    files = {
        places.INIT: File(init_file(node, settings, pace, all_nodes, public_addresses, image_repository)),
        places.JOIN: File(join_file(node, pace)),
        **patch_files(pace),
    }
    return shell(["reset", "member"], values, files)


def stage(
    name: Stage,
    node: Node,
    settings: Stack,
    pace: Pace,
    all_nodes: Sequence[Node],
    public_addresses: Sequence[str],
    image_repository: str,
) -> str:
    """One stage of addons.sh. Its digest covers what the stage uploads, and nothing of this one node."""
    cluster = cluster_configuration(settings, pace, all_nodes, public_addresses, image_repository)
    proxy = [kube_proxy_configuration(settings), image_repository, cluster["kubernetesVersion"], cluster["networking"]]
    values = {
        "STAGE": name,
        "NODE_NAME": node.name,
        "API_PORT": str(API_PORT),
        "INIT_FILE": places.INIT,
        "MEMBERSHIP_DIGEST": digest([cluster, kubelet_configuration(settings, pace)]),
        "ADDONS_DIGEST": digest(proxy),
        "NODE_ANNOTATIONS": json.dumps(address_annotations(node.address, node.prefix_length)),
        "LOCK_WAIT": str(pace.api_wait),
    }
    return shell(["addons"], values)


def join(node: Node, settings: Stack, pace: Pace) -> str:
    """A worker's membership; the relay puts CLUSTER_CA, DISCOVERY and REGISTERED before it."""
    values = {
        "NODE_NAME": node.name,
        "JOIN_FILE": places.JOIN,
        "DISCOVERY_FILE": places.DISCOVERY,
        "KUBELET_DIGEST": digest(kubelet_configuration(settings, pace)),
        "LOCK_WAIT": str(pace.api_wait),
    }
    return shell(["reset", "join"], values, {places.JOIN: File(join_file(node, pace))})


def certificates(pace: Pace) -> str:
    """On a living control plane: uploads its keys for one that joins; the relay puts CERTIFICATE_KEY before it."""
    return shell(["certificates"], {"INIT_FILE": places.INIT, "LOCK_WAIT": str(pace.api_wait)})


def reset() -> str:
    """Takes a machine that stays out of its cluster."""
    return shell(["reset"], {"RESET": "now"})


def patch_files(pace: Pace) -> dict[str, File]:
    """kubeadm's patches by path."""
    return {f"{places.PATCHES}/{name}": File(text) for name, text in static_pod_patches(pace).items()}


def digest(content: Any) -> str:
    """Of any JSON-like content, independent of key order; hex."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
