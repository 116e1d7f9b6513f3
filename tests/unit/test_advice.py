"""What a preview warns of."""

from __future__ import annotations

from fjordkube import advice
from fjordkube.settings import load


def test_default_stack_is_warned_of_what_ends() -> None:
    fields = [line.split(":")[0] for line in advice.warnings(load({}))]
    assert fields == ["kube_proxy.mode", "ingress.controller"]
    assert "archived in March 2026" in advice.INGRESS_NGINX_WARNING
    assert "fork" in advice.INGRESS_NGINX_WARNING
    assert "Gateway API" in advice.INGRESS_NGINX_WARNING


def test_successor_of_ipvs_is_not_warned_of() -> None:
    fields = [line.split(":")[0] for line in advice.warnings(load({"kube_proxy": {"mode": "nftables"}}))]
    assert fields == ["ingress.controller"]


def test_pod_range_that_full_nodes_would_exhaust_is_warned_of() -> None:
    def warned(pods: str, block: int) -> list[str]:
        stack = load({"network": {"pod_cidr": pods, "block_size": block}})
        return [line for line in advice.warnings(stack) if line.startswith("network.pod_cidr")]

    # 110 pods take two blocks of 64 addresses, and three nodes six
    assert warned("10.244.0.0/23", 26) == []
    assert warned("10.244.0.0/24", 26) == [
        "network.pod_cidr: 10.244.0.0/24 holds 4 blocks of /26, and 3 full nodes (110 pods each) need 6; nodes will "
        "borrow single addresses from each other's blocks, which costs a route each: a larger range avoids it"
    ]
    assert warned("10.244.0.0/23", 25) == []
