"""KubeProxyConfiguration per mode."""

from __future__ import annotations

from fjordkube.network.kube_proxy import kube_proxy_configuration
from tests.golden.bootstrap_cluster import stack


def test_ipvs_with_scheduler_strict_arp_and_conntrack() -> None:
    settings = stack(kube_proxy={"mode": "ipvs", "scheduler": "sh", "strict_arp": True})
    assert kube_proxy_configuration(settings) == {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "ipvs",
        "conntrack": {
            "maxPerCore": 32768,
            "min": 131072,
            "tcpEstablishedTimeout": "24h",
            "tcpCloseWaitTimeout": "1h",
        },
        "ipvs": {"scheduler": "sh", "strictARP": True},
    }


def test_nftables_and_iptables_say_nothing_of_ipvs() -> None:
    for mode in ("nftables", "iptables"):
        document = kube_proxy_configuration(stack(kube_proxy={"mode": mode}))
        assert document["mode"] == mode
        assert "ipvs" not in document
