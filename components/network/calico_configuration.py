"""What Calico is told: pool, BGP, Felix, the CNI program's file and where the API is.

Owns all of Calico's values as objects of our own, so that a change of one shows as one line in a preview. Calico's
other way, environment variables from which calico-node makes a pool at its first start, is declined (NO_DEFAULT_POOLS):
it works once, silently does nothing afterwards, and hides the pool from the diff.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Literal

from fjordkube.network.calico_access import NAMESPACE
from fjordkube.objects import Object
from fjordkube.settings import Calico
from fjordkube.versions import parse

API = "crd.projectcalico.org/v1"
CONFIG = "calico-config"
API_ENDPOINT = "kubernetes-services-endpoint"
"""A name that Calico's manifests know: its pods take KUBERNETES_SERVICE_HOST and _PORT from it."""
POOL = "default-ipv4-ippool"
"""The name that calico-node would have given its own pool: tutorials and `calicoctl` users look for it."""

FELIX_LIMITS_BANDWIDTH = (3, 30, 0)

IptablesBackend = Literal["Auto", "NFT", "Legacy"]
"""Which iptables Felix writes with; Auto: the kubelet's, by the chain KUBE-IPTABLES-HINT that it leaves (KEP-3178;
Felix's feature_detect_linux.go), so that both write into the same tables. A wrong one is said in Felix's log alone."""


def conflist(version: str) -> str:
    """The CNI configuration list that install-cni writes to each node; words in __ are filled in there.

    portmap serves hostPort, bandwidth serves the kubernetes.io/*-bandwidth annotations: since v3.30 Felix does
    (calico#9950). cniVersion is one that every listed version speaks; v3.31.7 and v3.32.2 write 1.0.0 themselves.
    """
    plugins: list[dict[str, Any]] = [
        {
            "type": "calico",
            "datastore_type": "kubernetes",
            "nodename": "__KUBERNETES_NODE_NAME__",
            "mtu": "__CNI_MTU__",
            "ipam": {"type": "calico-ipam"},
            "policy": {"type": "k8s"},
            "kubernetes": {"kubeconfig": "__KUBECONFIG_FILEPATH__"},
            "log_level": "info",
            "log_file_path": "/var/log/calico/cni/cni.log",
        },
        {"type": "portmap", "snat": True, "capabilities": {"portMappings": True}},
    ]
    if parse(version) < FELIX_LIMITS_BANDWIDTH:
        plugins.append({"type": "bandwidth", "capabilities": {"bandwidth": True}})
    text = json.dumps({"name": "k8s-pod-network", "cniVersion": "0.3.1", "plugins": plugins}, indent=2)
    # The MTU is a number in the file, so its mark stands without quotes.
    return text.replace('"__CNI_MTU__"', "__CNI_MTU__") + "\n"


def config_maps(settings: Calico, api_host: str, api_port: int) -> list[Object]:
    """calico-config, and the API's address as nodes see it.

    With that address Calico's pods, which are on the nodes' network, need no kube-proxy to reach the API, so both can
    start at the same time.
    """
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": CONFIG, "namespace": NAMESPACE},
            "data": {
                "calico_backend": "bird",
                # 0: Felix takes the smallest MTU of the node's NICs, less the encapsulation's bytes where there is one
                "veth_mtu": str(settings.mtu or 0),
                "cni_network_config": conflist(settings.version),
            },
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": API_ENDPOINT, "namespace": NAMESPACE},
            "data": {"KUBERNETES_SERVICE_HOST": api_host, "KUBERNETES_SERVICE_PORT": str(api_port)},
        },
    ]


def pool(settings: Calico) -> Object:
    """The pods' addresses, and how packets travel between nodes."""
    return {
        "apiVersion": API,
        "kind": "IPPool",
        "metadata": {"name": POOL},
        "spec": {
            "cidr": str(settings.pod_cidr),
            "blockSize": settings.block_size,
            "natOutgoing": settings.nat_outgoing,
            "ipipMode": settings.ipip_mode,
            "vxlanMode": settings.vxlan_mode,
            "nodeSelector": "all()",
            "allowedUses": ["Workload", "Tunnel"],
            "disabled": False,
        },
    }


def bgp(settings: Calico) -> Object:
    """BGP of all nodes: the AS, and whether every node speaks with every other."""
    return {
        "apiVersion": API,
        "kind": "BGPConfiguration",
        "metadata": {"name": "default"},
        "spec": {
            "asNumber": int(settings.as_number),
            "nodeToNodeMeshEnabled": settings.node_mesh,
            # BIRD listens on the node's private address alone: port 179 is not offered to the public network.
            "bindMode": "NodeIP",
            "logSeverityScreen": "Warning",
        },
    }


def mtu_pattern(interfaces: Sequence[str]) -> str:
    """What Felix takes the pods' MTU from: the nodes' private NICs, e.g. ^(bond0|eth1)$.

    Its own pattern knows eth*, en*, wl* and the like. Where no NIC matches it takes 1460 (kubespray#9329, calico#4522);
    where the public one is narrower than the private one, pods get the narrower.
    """
    names = "|".join(re.escape(name) for name in sorted(set(interfaces)))
    return f"^({names})$"


def felix(settings: Calico, iptables_backend: IptablesBackend = "Auto", interfaces: Sequence[str] = ()) -> Object:
    """Felix on all nodes. `interfaces`: the nodes' private NICs; none: whatever Felix takes for one.

    `bpfConnectTimeLoadBalancing` is not set: Felix reads it only when its eBPF mode is on (felix/dataplane/linux).
    """
    spec: dict[str, Any] = {
        "healthEnabled": True,
        "iptablesBackend": iptables_backend,
        "ipv6Support": False,
        "defaultEndpointToHostAction": "Accept",
        # No calls home from a cluster whose data must stay in the country.
        "usageReportingEnabled": False,
        "reportingInterval": "0s",
        "logSeverityScreen": "Warning",
        # Without encapsulation no tunnel device may ever appear; the gate looks for it on the nodes.
        "ipipEnabled": False,
        "wireguardEnabled": False,
    }
    if interfaces:
        spec["mtuIfacePattern"] = mtu_pattern(interfaces)
    if not settings.encapsulated:
        spec["vxlanEnabled"] = False
    elif settings.mtu is not None:
        spec["vxlanMTU"] = settings.mtu
    return {"apiVersion": API, "kind": "FelixConfiguration", "metadata": {"name": "default"}, "spec": spec}


def configuration(
    settings: Calico,
    api_host: str,
    api_port: int,
    iptables_backend: IptablesBackend = "Auto",
    interfaces: Sequence[str] = (),
) -> list[Object]:
    """Everything Calico is told."""
    return [
        *config_maps(settings, api_host, api_port),
        pool(settings),
        bgp(settings),
        felix(settings, iptables_backend, interfaces),
    ]
