"""Fields of a stack file that do not go together."""

from __future__ import annotations

import random
import re
from ipaddress import IPv4Network
from typing import Any

import pytest
from pydantic import ValidationError

from fjordkube.settings import ClusterSettings, load
from fjordkube.settings.consistency import Finding, Inconsistent
from tests.unit.refusals import at, problems, worker

OUTSIDE = "use a range outside it, e.g."


def ranges(nodes: str, services: str, pods: str) -> dict[str, Any]:
    return {
        "nodes": {"private_cidr": nodes},
        "kubernetes": {"service_cidr": services},
        "network": {"pod_cidr": pods},
    }


# --- Ranges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            at("network.pod_cidr", "10.100.0.0/16"),
            "network.pod_cidr: 10.100.0.0/16 lies inside kubernetes.service_cidr 10.96.0.0/12 "
            f"(10.96.0.0 to 10.111.255.255); {OUTSIDE} 10.244.0.0/16",
        ),
        (
            at("network.pod_cidr", "10.96.0.0/12"),
            "network.pod_cidr: 10.96.0.0/12 is the same as kubernetes.service_cidr 10.96.0.0/12 "
            f"(10.96.0.0 to 10.111.255.255); {OUTSIDE} 172.16.0.0/12",
        ),
        (
            at("network.pod_cidr", "192.168.0.0/16"),
            "network.pod_cidr: 192.168.0.0/16 holds all of nodes.private_cidr 192.168.77.0/24 "
            f"(192.168.77.0 to 192.168.77.255); {OUTSIDE} 10.244.0.0/16",
        ),
        (
            at("kubernetes.service_cidr", "192.168.77.0/28"),
            "kubernetes.service_cidr: 192.168.77.0/28 lies inside nodes.private_cidr 192.168.77.0/24 "
            f"(192.168.77.0 to 192.168.77.255); {OUTSIDE} 10.96.0.0/28",
        ),
    ],
)
def test_overlapping_ranges_are_refused_with_a_free_one(raw: Any, message: str) -> None:
    assert problems(raw) == [message]


def test_every_overlap_and_no_other_is_refused_and_the_range_offered_is_accepted() -> None:
    chance = random.Random(11)
    # few networks of many sizes, so that about half of the picks overlap
    pool = [
        IPv4Network((10 << 24 | n << 16, length), strict=False) for n in (3, 64, 96, 100, 244) for length in (12, 20)
    ]
    pool += [IPv4Network("192.168.77.0/24"), IPv4Network("192.168.0.0/16"), IPv4Network("172.20.0.0/20")]
    seen = {True: 0, False: 0}
    for _ in range(300):
        nodes, services, pods = (chance.choice(pool) for _ in range(3))
        raw = ranges(str(nodes), str(services), str(pods))
        found = [line for line in problems(raw) if OUTSIDE in line]
        overlaps = [nodes.overlaps(services), nodes.overlaps(pods), services.overlaps(pods)]
        assert len(found) == sum(overlaps)
        seen[any(overlaps)] += 1
        if len(found) == 1:
            field, free = found[0].split(":")[0], found[0].rpartition(" ")[2]
            section, key = field.split(".")
            raw[section][key] = free
            assert not any(OUTSIDE in line for line in problems(raw)), found
    assert min(seen.values()) > 30


def test_three_ranges_that_all_overlap_are_three_problems() -> None:
    assert len([line for line in problems(ranges("10.0.0.0/16", "10.0.0.0/16", "10.0.0.0/16")) if OUTSIDE in line]) == 3


def test_range_of_qemus_own_network_is_refused() -> None:
    (line,) = problems(at("network.pod_cidr", "10.0.0.0/14"))
    assert line == (
        "network.pod_cidr: 10.0.0.0/14 holds all of 10.0.2.0/24, QEMU's own network in each machine; use 172.16.0.0/14"
    )


def test_service_range_of_a_size_that_the_api_server_refuses_is_refused() -> None:
    assert problems(ranges("192.168.77.0/24", "172.0.0.0/11", "10.244.0.0/16")) == [
        "kubernetes.service_cidr: 172.0.0.0/11 is larger than a /12, the API server's limit; "
        "use a part of it, e.g. 172.0.0.0/12"
    ]
    assert problems(at("kubernetes.service_cidr", "10.96.0.0/29")) == [
        "kubernetes.service_cidr: 10.96.0.0/29 has 8 addresses, and the cluster's DNS has the 10th; "
        "use /28 or larger, e.g. 10.96.0.0/12"
    ]
    assert problems(at("kubernetes.service_cidr", "10.96.0.0/28")) == []


@pytest.mark.parametrize(
    ("pods", "block", "room", "larger", "smaller"),
    [
        ("10.244.0.0/24", 24, "1 block", 22, "26 or more (64 addresses to a block)"),
        ("10.244.0.0/23", 23, "1 block", 21, "25 or more (128 addresses to a block)"),
    ],
)
def test_pod_range_too_small_for_the_nodes_is_refused(
    pods: str, block: int, room: str, larger: int, smaller: str | None
) -> None:
    fix = f"use a /{larger} or larger" + (f", network.block_size {smaller}" if smaller else "") + " or fewer nodes"
    assert problems({"network": {"pod_cidr": pods, "block_size": block}}) == [
        f"network.pod_cidr: {pods} has room for {room} of /{block}, and each of the 3 nodes needs one; {fix}"
    ]


@pytest.mark.parametrize("pods", ["10.244.0.0/25", "10.244.0.0/31", "0.0.0.0/7"])
def test_pod_range_that_kubeadm_refuses_is_refused(pods: str) -> None:
    found = problems({"network": {"pod_cidr": pods, "block_size": 27}})
    assert any(
        line.startswith(f"network.pod_cidr: {pods} is not a /8 to /24, which kubeadm asks for") for line in found
    )


def test_sizes_that_are_offered_for_a_small_pod_range_are_accepted() -> None:
    for nodes in range(2, 40):
        workers = [f"w{n}" for n in range(1, nodes)]
        for length in (22, 23, 24):
            raw: dict[str, Any] = {"nodes": {"workers": workers}, "network": {"pod_cidr": f"10.244.0.0/{length}"}}
            found = problems(raw)
            if not found:
                continue
            larger, smaller = re.search(r"use a /(\d+)", found[0]), re.search(r"block_size (\d+)", found[0])
            assert larger
            assert problems({**raw, "network": {"pod_cidr": f"10.244.0.0/{larger[1]}"}}) == []
            # where the range has fewer blocks of /29 than there are nodes, no block is small enough
            assert bool(smaller) == (2 ** (29 - length) >= nodes)
            if smaller:
                assert problems({**raw, "network": {**raw["network"], "block_size": int(smaller[1])}}) == []


# --- Nodes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", range(1, 8))
def test_even_number_of_control_planes_is_refused(count: int) -> None:
    names = [f"cp{n}" for n in range(1, count + 1)]
    expected = [
        f"nodes.control_planes: {count} control planes tolerate no more failures than {count - 1}, because etcd needs "
        f"a majority; use {count - 1} or {count + 1}"
    ]
    assert problems(at("nodes.control_planes", names)) == ([] if count % 2 else expected)


def test_name_that_two_nodes_have_is_refused_once() -> None:
    assert problems(at("nodes.workers", ["w1", "w2", {"name": "w1"}])) == [
        "nodes.workers[w1].name: w1 is also the name of worker number 1; give each node its own name"
    ]
    assert problems(at("nodes.workers", [{"name": "cp1", "address": "192.168.77.9"}])) == [
        "nodes.workers[cp1].name: cp1 is also the name of control plane number 1; give each node its own name"
    ]


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            ["web"],
            "nodes.workers[web].address: is missing, and the name web has no trailing number to derive it from; "
            "add an address in 192.168.77.0/24, or a name such as web1",
        ),
        (
            ["w1", {"name": "w2", "address": "192.168.77.101"}],
            "nodes.workers[w2].address: 192.168.77.101 is also the address of w1; give it an address of its own",
        ),
        (
            ["a1", "b1"],
            "nodes.workers[b1].address: 192.168.77.101 (derived from the name b1) is also the address of a1; "
            "add an address, or change the name's number",
        ),
        (
            [{"name": "w1", "address": "192.168.78.1"}],
            "nodes.workers[w1].address: 192.168.78.1 lies outside nodes.private_cidr 192.168.77.0/24; "
            "use one from 192.168.77.1 to 192.168.77.254",
        ),
        (
            ["w156"],
            "nodes.workers[w156].address: 192.168.78.0 (derived from the name w156) lies outside nodes.private_cidr "
            "192.168.77.0/24; use one from 192.168.77.1 to 192.168.77.254",
        ),
        (
            ["w155"],
            "nodes.workers[w155].address: 192.168.77.255 (derived from the name w155) is the network's or the "
            "broadcast address of nodes.private_cidr 192.168.77.0/24; use another address or a larger range",
        ),
    ],
)
def test_nodes_without_an_address_of_their_own_are_refused(nodes: Any, message: str) -> None:
    assert problems(at("nodes.workers", nodes)) == [message]


def test_node_that_keeps_nothing_for_workloads_is_refused() -> None:
    assert problems({**worker(memory_mib=1024), "kubernetes": {"system_reserved": {"memory": "768Mi"}}}) == [
        "nodes.workers[w1].memory_mib: 1024 MiB is no more than what kubernetes.*_reserved keeps (1024 MiB); "
        "give the node more than 1536 MiB, or reserve less"
    ]


def test_problem_of_a_default_node_is_told_by_its_place() -> None:
    found = problems(at("kubernetes.kube_reserved.memory", "1536Mi"))
    assert [line.split(":")[0] for line in found] == ["nodes.workers[0].memory_mib", "nodes.workers[1].memory_mib"]


# --- Ports -----------------------------------------------------------------------------------------------------------


def test_port_pinned_twice_is_refused() -> None:
    raw = {
        "nodes": {
            "control_planes": [{"name": "cp1", "ports": {"api": 16443}}],
            "workers": [
                {"name": "w1", "ports": {"ssh": 2201, "http": 8080}},
                {"name": "w2", "ports": {"http": 2201, "https": 16443}},
            ],
        }
    }
    fix = "use another port, or remove it to have a free one chosen"
    assert problems(raw) == [
        f"nodes.workers[w2].ports.http: 2201 is already pinned for w1's ssh; {fix}",
        f"nodes.workers[w2].ports.https: 16443 is already pinned for cp1's api; {fix}",
    ]


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        ({"http_port": 443}, "https_port: 443 is also ingress.http_port; use two ports, e.g. 80 and 443"),
        ({"http_port": 10250}, "http_port: 10250 is taken on every node by kubelet; use another port"),
        ({"https_port": 179}, "https_port: 179 is taken on every node by BGP (Calico); use another port"),
        ({"http_port": 30000}, "http_port: 30000 lies in the NodePort range 30000 to 32767; use a port outside it"),
        ({"https_port": 32767}, "https_port: 32767 lies in the NodePort range 30000 to 32767; use a port outside it"),
    ],
)
def test_ingress_port_that_is_taken_is_refused(ports: dict[str, int], message: str) -> None:
    assert problems({"ingress": ports}) == [f"ingress.{message}"]


def test_ingress_ports_beside_the_node_ports_are_accepted() -> None:
    assert problems({"ingress": {"http_port": 29999, "https_port": 32768}}) == []


# --- Network, images, demo -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["CrossSubnet", "Always"])
@pytest.mark.parametrize("network", [{}, {"encapsulation": "none"}])
def test_vxlan_together_with_no_encapsulation_is_refused(mode: str, network: dict[str, str]) -> None:
    assert problems({"network": {**network, "vxlan_mode": mode}}) == [
        f"network.vxlan_mode: {mode} contradicts network.encapsulation none; remove it (it follows as Never), "
        f"or set network.encapsulation: {'vxlan' if mode == 'Always' else 'vxlan-cross-subnet'}"
    ]


def test_tunnels_follow_encapsulation_and_no_other_is_accepted() -> None:
    wrapped = {"encapsulation": "vxlan-cross-subnet"}
    assert load({"network": wrapped}).network.vxlan_mode == "CrossSubnet"
    assert load({"network": {"encapsulation": "vxlan"}}).network.vxlan_mode == "Always"
    assert load({"network": {"encapsulation": "none", "vxlan_mode": "Never"}}).network.vxlan_mode == "Never"
    assert problems({"network": {**wrapped, "vxlan_mode": "Never"}}) == [
        "network.vxlan_mode: Never contradicts network.encapsulation vxlan-cross-subnet; "
        "remove it (it follows as CrossSubnet)"
    ]
    assert problems({"network": {"ipip_mode": "Always"}}) == [
        "network.ipip_mode: Always contradicts network.encapsulation none; remove it (IP-in-IP is not offered)"
    ]


def test_mesh_that_is_off_or_too_large_is_refused() -> None:
    assert problems(at("network.node_mesh", False)) == [
        "network.node_mesh: false leaves every node without BGP peers, because reflectors and outside peers are not "
        "offered yet; remove it, or write true"
    ]

    def workers(count: int) -> dict[str, object]:
        return {"nodes": {"private_cidr": "10.1.0.0/16", "workers": [f"w{n}" for n in range(1, count + 1)]}}

    assert problems(workers(199)) == []
    assert problems(workers(200)) == [
        "network.node_mesh: 201 nodes in a full mesh are more than 200, and reflectors are not offered yet; "
        "use fewer nodes"
    ]


def test_pools_are_nodes_by_number() -> None:
    pool = {"name": "web", "count": 2, "first_address": "192.168.77.150"}
    loaded = load({"nodes": {"pools": [pool]}}).nodes
    assert loaded.addresses == {
        "cp1": "192.168.77.11",
        "w1": "192.168.77.101",
        "w2": "192.168.77.102",
        "web1": "192.168.77.150",
        "web2": "192.168.77.151",
    }
    assert problems({"nodes": {"pools": [{"name": "web", "count": 1}]}}) == [
        "nodes.pools[web].first_address: 192.168.77.101 (derived from the name web1) is also the address of w1; "
        "add an address, or change the name's number"
    ]
    assert problems({"nodes": {"pools": [{"name": "w", "count": 1, "first_address": "192.168.77.150"}]}}) == [
        "nodes.pools[w].name: w1 is also the name of worker number 1; give each node its own name"
    ]


def test_a_taint_that_a_node_would_have_twice_is_refused() -> None:
    taints = ["dedicated=web:NoSchedule", "dedicated=api:NoSchedule", "dedicated=web:NoExecute"]
    assert problems({"nodes": {"workers": ["w1", {"name": "w2", "taints": taints}]}}) == [
        "nodes.workers[w2].taints: dedicated:NoSchedule stands there twice, and a node has it once; keep one"
    ]
    pool = {"name": "web", "count": 2, "first_address": "192.168.77.150", "taints": taints}
    assert len(problems({"nodes": {"pools": [pool]}})) == 1


def test_workers_that_all_keep_pods_away_are_refused() -> None:
    def workers(*taints: str) -> dict[str, object]:
        return {"nodes": {"workers": [{"name": f"w{n}", "taints": [taint]} for n, taint in enumerate(taints, 1)]}}

    assert problems(workers("a:NoSchedule", "b:NoExecute")) == [
        "nodes.workers[w1].taints: with it every worker has a taint, so that nothing is left for the ingress "
        "controller and the demo; leave at least one worker without, or with PreferNoSchedule"
    ]
    assert problems(workers("a:NoSchedule", "b:PreferNoSchedule")) == []


def test_image_that_could_change_unseen_is_refused() -> None:
    digest = "sha256:" + "0" * 64
    assert problems({"ingress": {"image": "mirror.example:5000/nginx"}}) == [
        "ingress.image: has neither a tag nor a digest, so it could change unseen; add a tag, or better ingress.digest"
    ]
    assert problems({"ingress": {"digest": digest}}) == [
        "ingress.digest: is given without ingress.image, and the bundle's image is pinned already; "
        "add the image, or remove the digest"
    ]
    assert problems({"ingress": {"image": "mirror.example:5000/nginx:1"}}) == []
    assert problems({"ingress": {"image": "mirror.example:5000/nginx", "digest": digest}}) == []


def test_demo_under_the_apis_name_is_refused_unless_it_is_off() -> None:
    raw = {"cluster": {"domain": "fjord.example"}, "demo": {"host": "api.fjord.example"}}
    assert problems(raw) == [
        "demo.host: api.fjord.example is the Kubernetes API's name; use another, e.g. demo.fjord.internal"
    ]
    assert problems({**raw, "demo": {**raw["demo"], "enabled": False}}) == []


# --- A cluster on its own --------------------------------------------------------------------------------------------


def test_cluster_settings_without_nodes_hold_in_themselves_too() -> None:
    with pytest.raises(ValidationError) as error:
        ClusterSettings.model_validate({"network": {"pod_cidr": "10.100.0.0/16"}, "ingress": {"http_port": 443}})
    assert "network.pod_cidr: 10.100.0.0/16 lies inside kubernetes.service_cidr" in str(error.value)
    assert "ingress.https_port: 443 is also ingress.http_port" in str(error.value)
    assert ClusterSettings().network.pod_cidr == "10.244.0.0/16"


def test_an_error_with_hundreds_of_findings_tells_a_few_and_counts_the_rest() -> None:
    found = [Finding((("nodes", n),), "is wrong", "mend it") for n in range(500)]
    error = Inconsistent(found)
    assert len(error.findings) == 500
    assert str(error).endswith("; and 470 more")
