"""What a preview warns of."""

from __future__ import annotations

from fjordkube import advice
from fjordkube.settings import load
from tests.unit.test_settings_existing import nodes


def test_default_stack_is_warned_of_what_ends() -> None:
    fields = [line.split(":")[0] for line in advice.warnings(load({}))]
    assert fields == ["kube_proxy.mode", "ingress.controller"]
    assert "archived in March 2026" in advice.INGRESS_NGINX_WARNING
    assert "fork" in advice.INGRESS_NGINX_WARNING
    assert "Gateway API" in advice.INGRESS_NGINX_WARNING


def test_what_was_not_run_here_is_told_in_one_line() -> None:
    def told(**sections: object) -> list[str]:
        lines = advice.warnings(load({**nodes(), **sections}))
        return [line for line in lines if line.startswith("artifacts")]

    fix = "try them first on a stack that nobody would miss"
    newest = {
        "kubernetes": {"version": "v1.36.4"},
        "network": {"version": "v3.32.2"},
        "ingress": {"version": "v1.15.1"},
    }
    assert told(**newest) == [
        "artifacts: not run here: Kubernetes v1.36.4 (rendered), Calico v3.32.2 (rendered), ingress-nginx v1.15.1 "
        f"(rendered); {fix}"
    ]
    assert told() == [f"artifacts: not run here: ingress-nginx v1.11.8 (rendered); {fix}"]
    assert told(ingress={"version": "v1.11.0"}) == told(ingress={"image": "registry.example/fork:2"}) == []
    assert told(kubernetes={"version": "v1.37.0"})[0].startswith("artifacts: not run here: Kubernetes v1.37.0 (listed)")


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
