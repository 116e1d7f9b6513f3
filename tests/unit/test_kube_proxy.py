"""KubeProxyConfiguration per mode."""

from __future__ import annotations

import pytest

from fjordkube import versions
from fjordkube.network.kube_proxy import kube_proxy_configuration
from fjordkube.versions import DEFAULT_KUBERNETES
from tests.golden.bootstrap_cluster import stack


def test_ipvs_with_scheduler_strict_arp_and_conntrack() -> None:
    settings = stack(kube_proxy={"mode": "ipvs", "scheduler": "sh", "strict_arp": True})
    assert kube_proxy_configuration(settings.kube_proxy, DEFAULT_KUBERNETES) == {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "ipvs",
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "24h",
            "tcpCloseWaitTimeout": "1h",
        },
        "ipvs": {"scheduler": "sh", "strictARP": True},
    }


def test_nftables_and_iptables_say_nothing_of_ipvs() -> None:
    for mode in ("nftables", "iptables"):
        document = kube_proxy_configuration(stack(kube_proxy={"mode": mode}).kube_proxy, DEFAULT_KUBERNETES)
        assert document["mode"] == mode
        assert "ipvs" not in document


def test_node_ports_answer_at_every_address_in_every_mode() -> None:
    documents = {
        mode: kube_proxy_configuration(stack(kube_proxy={"mode": mode}).kube_proxy, DEFAULT_KUBERNETES)
        for mode in ("ipvs", "nftables", "iptables")
    }
    # the default of the others is every address, of nftables the primary one
    assert {mode: document.get("nodePortAddresses") for mode, document in documents.items()} == {
        "ipvs": None,
        "nftables": ["0.0.0.0/0"],
        "iptables": None,
    }


def test_where_ipvs_is_off_by_default_it_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = stack()
    assert "featureGates" not in kube_proxy_configuration(settings.kube_proxy, DEFAULT_KUBERNETES)
    # as if the supported Kubernetes were the first in which it is off
    monkeypatch.setattr(versions, "IPVS_GATE_OFF", versions.parse(DEFAULT_KUBERNETES)[1])
    assert kube_proxy_configuration(settings.kube_proxy, DEFAULT_KUBERNETES)["featureGates"] == {"KubeProxyIPVS": True}
    assert "featureGates" not in kube_proxy_configuration(
        stack(kube_proxy={"mode": "nftables"}).kube_proxy, DEFAULT_KUBERNETES
    )
