"""kubeadm's own files (kubeadm.k8s.io/v1beta4): init with all component configurations, and join.

Owns the documents. Leaves what hardens them to hardening.py, KubeletConfiguration to kubelet.py, KubeProxyConfiguration
to network/kube_proxy.py, and secrets (tokens, certificate keys) to the moment they are used: none is ever rendered
here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from fjordkube.bootstrap import hardening, paths
from fjordkube.bootstrap.kubeadm_cluster import KubeadmCluster
from fjordkube.bootstrap.kubelet import kubelet_configuration
from fjordkube.helpers.membership.labels_and_taints import parsed
from fjordkube.host.containerd import SOCKET
from fjordkube.host.paths import ETCD_DATA
from fjordkube.network.kube_proxy import kube_proxy_configuration
from fjordkube.node import Node
from fjordkube.settings import API_PORT
from fjordkube.timing import Timeouts, Timing

API_VERSION = "kubeadm.k8s.io/v1beta4"

ETCD_QUOTA_BYTES = 2 * 1024**3
"""etcd's space quota, bytes (kubespray and etcd's own default; 8 GiB is the advised maximum)."""


def cluster_configuration(cluster: KubeadmCluster, public_addresses: Sequence[str]) -> dict[str, Any]:
    """ClusterConfiguration, the same on every control plane.

    `public_addresses` are where clients outside reach the control planes, e.g. ["127.0.0.1"]: they join the API's
    certificate.
    """
    control_planes, kubernetes, timing = cluster.control_planes, cluster.kubernetes, cluster.timing
    names = ["localhost", "127.0.0.1", cluster.cluster.api_host, *(node.name for node in control_planes)]
    names += [*(node.address for node in control_planes), *public_addresses, *map(str, kubernetes.extra_sans)]
    elect = len(control_planes) > 1 or timing.single_leader_election
    leader = [] if elect else [_argument("leader-elect", "false")]
    manager = list(leader)
    if timing.node_monitor_grace is not None:
        manager.append(_argument("node-monitor-grace-period", f"{timing.node_monitor_grace}s"))
    volumes = hardening.api_server_volumes(kubernetes.hardening)
    return {
        "apiVersion": API_VERSION,
        "kind": "ClusterConfiguration",
        "clusterName": cluster.cluster.name,
        "kubernetesVersion": kubernetes.version,
        # A name even with one control plane: adding it later is not trivial (kubeadm#2997).
        "controlPlaneEndpoint": cluster.cluster.control_plane_endpoint,
        "imageRepository": cluster.image_repository,
        # Short handshakes and quick key generation, on slow guests above all.
        "encryptionAlgorithm": "ECDSA-P256",
        "networking": {
            "podSubnet": str(cluster.pod_cidr),
            "serviceSubnet": str(kubernetes.service_cidr),
        },
        "etcd": {
            "local": {
                "dataDir": ETCD_DATA,
                "extraArgs": [
                    _argument("heartbeat-interval", str(timing.etcd_heartbeat_ms)),
                    _argument("election-timeout", str(timing.etcd_election_ms)),
                    _argument("quota-backend-bytes", str(ETCD_QUOTA_BYTES)),
                    *_arguments(hardening.ETCD_TLS),
                    *_arguments(timing.etcd_arguments),
                ],
                **_environment(timing.control_plane_environment),
            }
        },
        "apiServer": {
            "certSANs": list(dict.fromkeys(names)),
            "extraArgs": [
                _argument("profiling", "false"),
                *_arguments(hardening.api_server_arguments(kubernetes.hardening)),
                *_arguments(timing.api_server_arguments),
            ],
            **({"extraVolumes": volumes} if volumes else {}),
            **_environment(
                {**timing.control_plane_environment, **hardening.api_server_environment(kubernetes.hardening)}
            ),
        },
        "controllerManager": _component(timing, manager),
        "scheduler": _component(timing, leader),
    }


def init_configuration(node: Node, timing: Timing) -> dict[str, Any]:
    """InitConfiguration of one control plane."""
    return {
        "apiVersion": API_VERSION,
        "kind": "InitConfiguration",
        # kubeadm always mints a token here, for a day unless told otherwise; ours come at use, so this one just ends.
        "bootstrapTokens": [{"ttl": "1s", "description": "ends at once: tokens are minted when a node joins"}],
        "localAPIEndpoint": {"advertiseAddress": node.address, "bindPort": API_PORT},
        "nodeRegistration": node_registration(node, timing),
        "patches": {"directory": paths.PATCHES},
        "timeouts": _timeouts(timing.timeouts),
    }


def join_configuration(node: Node, timing: Timing) -> dict[str, Any]:
    """JoinConfiguration: discovery by a file that holds CA and token and exists only while the node joins."""
    document: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "JoinConfiguration",
        "discovery": {"file": {"kubeConfigPath": paths.DISCOVERY}},
        "nodeRegistration": node_registration(node, timing),
        "timeouts": _timeouts(timing.timeouts),
    }
    if node.role == "control-plane":
        document["controlPlane"] = {"localAPIEndpoint": {"advertiseAddress": node.address, "bindPort": API_PORT}}
        document["patches"] = {"directory": paths.PATCHES}
    return document


def node_registration(node: Node, timing: Timing) -> dict[str, Any]:
    """How a node introduces itself: its name, its address on the private network, and a worker's taints.

    Without those, pods could start on it between its registration and the helper's first look
    (helpers/membership/labels_and_taints.py).
    """
    arguments = [_argument("node-ip", node.address)]
    if timing.kubelet.housekeeping is not None:
        arguments.append(_argument("housekeeping-interval", f"{timing.kubelet.housekeeping}s"))
    return {
        "name": node.name,
        "criSocket": SOCKET,
        "imagePullPolicy": "IfNotPresent",
        "kubeletExtraArgs": arguments,
        # sorted: a list in another order is no change
        **({"taints": [parsed(taint) for taint in sorted(node.taints)]} if node.taints else {}),
    }


def init_file(node: Node, cluster: KubeadmCluster, public_addresses: Sequence[str]) -> str:
    """All documents of `kubeadm init --config`, as one YAML stream."""
    return _stream(
        init_configuration(node, cluster.timing),
        cluster_configuration(cluster, public_addresses),
        kubelet_configuration(cluster.kubernetes, cluster.timing),
        kube_proxy_configuration(cluster.kube_proxy, cluster.kubernetes.version),
    )


def join_file(node: Node, timing: Timing) -> str:
    """The document of `kubeadm join --config`."""
    return _stream(join_configuration(node, timing))


class _Plain(yaml.SafeDumper):
    """Writes equal parts out each time: anchors and aliases are hard to read in a diff."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _stream(*documents: dict[str, Any]) -> str:
    return yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, explicit_start=True)


def _argument(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def _arguments(pairs: Mapping[str, str]) -> list[dict[str, str]]:
    return [_argument(name, value) for name, value in pairs.items()]


def _environment(variables: Mapping[str, str]) -> dict[str, Any]:
    pairs = _arguments(variables)
    return {"extraEnvs": pairs} if pairs else {}


def _component(timing: Timing, arguments: list[dict[str, str]]) -> dict[str, Any]:
    variables = {**timing.control_plane_environment, **timing.controllers_environment}
    common = [_argument("profiling", "false"), *_arguments(hardening.TLS)]
    return {"extraArgs": [*common, *arguments], **_environment(variables)}


def _timeouts(timeouts: Timeouts) -> dict[str, str]:
    return {
        "controlPlaneComponentHealthCheck": f"{timeouts.control_plane_component_health_check}s",
        "kubeletHealthCheck": f"{timeouts.kubelet_health_check}s",
        "kubernetesAPICall": f"{timeouts.kubernetes_api_call}s",
        "etcdAPICall": f"{timeouts.etcd_api_call}s",
        "tlsBootstrap": f"{timeouts.tls_bootstrap}s",
        "discovery": f"{timeouts.discovery}s",
    }
