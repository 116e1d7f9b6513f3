"""kube-proxy's configuration: which kernel facility carries Services.

Owns the KubeProxyConfiguration. Leaves the DaemonSet and its ConfigMap to kubeadm's addon phase, the kernel modules to
host/modules.py. IPVS is what is asked for and deprecated since Kubernetes 1.35; nftables is its exit.
"""

from __future__ import annotations

from typing import Any

from fjordkube.settings import KubeProxy
from fjordkube.versions import kube_proxy_feature_gates


def kube_proxy_configuration(proxy: KubeProxy, kubernetes_version: str) -> dict[str, Any]:
    """KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1) for the chosen mode."""
    document: dict[str, Any] = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": proxy.mode,
        "conntrack": {
            # 0: left as host/sysctls.py has it. kube-proxy would set its figure where a host has more (kops#2223).
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": proxy.conntrack.tcp_established_timeout,
            "tcpCloseWaitTimeout": proxy.conntrack.tcp_close_wait_timeout,
        },
    }
    if proxy.mode == "ipvs":
        # strictARP keeps other nodes from answering ARP for addresses on kube-ipvs0: MetalLB and kube-vip need it.
        document["ipvs"] = {"scheduler": proxy.scheduler, "strictARP": proxy.strict_arp}
    elif proxy.mode == "nftables":
        # Its default is the primary address alone, where the other modes answer at every one (kubernetes#122724).
        # Who may come is the firewall's to say (firewall.node_ports_from).
        document["nodePortAddresses"] = ["0.0.0.0/0"]
    if feature_gates := kube_proxy_feature_gates(kubernetes_version, proxy.mode):
        document["featureGates"] = feature_gates
    return document
