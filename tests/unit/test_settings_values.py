"""Single values of a stack file: refused with field, state and fix."""

from __future__ import annotations

import random
from ipaddress import IPv4Network
from typing import Any

import pytest

from fjordkube import versions
from fjordkube.settings import Nodes, explanation, load
from tests.unit.refusals import at, problems, worker

CIDR_FIX = "write a network such as 10.244.0.0/16"
SOURCES = explanation._or([model.model_fields["source"].default for model in explanation.models_in(Nodes)])
LABEL_FIX = "use lower-case letters, digits and inner dashes, at most 63"


@pytest.mark.parametrize("field", ["network.pod_cidr", "kubernetes.service_cidr", "nodes.private_cidr"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("pods", f"pods is not a CIDR: it has no prefix length; {CIDR_FIX}"),
        (
            "10.244.0.0",
            "10.244.0.0 is an address without a prefix length; write 10.244.0.0/32 for it alone, or a network",
        ),
        ("10.244.0.0/33", f"10.244.0.0/33 is not a CIDR: the prefix length is not 0 to 32; {CIDR_FIX}"),
        ("10.244.0.0/", f"10.244.0.0/ is not a CIDR: the prefix length is not 0 to 32; {CIDR_FIX}"),
        ("10.0.0/8", f"10.0.0/8 is not a CIDR; {CIDR_FIX}"),
        ("300.1.1.0/24", f"300.1.1.0/24 is not a CIDR; {CIDR_FIX}"),
        ("010.244.0.0/16", f"010.244.0.0/16 is not a CIDR; {CIDR_FIX}"),
        ("10.244.3.1/16", "10.244.3.1/16 has host bits set; write 10.244.0.0/16"),
        ("fd00::/8", f"is an IPv6 network; IPv4 only today: {CIDR_FIX}"),
        (
            "224.0.0.0/4",
            "224.0.0.0/4 is reserved (multicast, loopback, link-local or class E); use a private network",
        ),
        (10, "is a number; write text in quotes"),
        (["10.244.0.0/16"], "is a list; write text"),
    ],
)
def test_what_is_no_network_is_refused(field: str, value: Any, message: str) -> None:
    assert problems(at(field, value)) == [f"{field}: {message}"]


def test_network_offered_for_host_bits_is_the_one_that_holds_the_address() -> None:
    chance = random.Random(7)
    for _ in range(200):
        network = IPv4Network((chance.randrange(10 << 24, 11 << 24), chance.randrange(9, 31)), strict=False)
        address = network[chance.randrange(1, network.num_addresses)]
        (line,) = problems(at("network.pod_cidr", f"{address}/{network.prefixlen}"))
        assert line == f"network.pod_cidr: {address}/{network.prefixlen} has host bits set; write {network}"


@pytest.mark.parametrize(
    ("name", "field", "message"),
    [
        ("W1", "nodes.workers[W1].name", f"W1 is not a DNS label; {LABEL_FIX}"),
        ("w_1", "nodes.workers[w_1].name", f"w_1 is not a DNS label; {LABEL_FIX}"),
        ("-w1", "nodes.workers[-w1].name", f"-w1 is not a DNS label; {LABEL_FIX}"),
        ("w1-", "nodes.workers[w1-].name", f"w1- is not a DNS label; {LABEL_FIX}"),
        ("w1.example", "nodes.workers[w1.example].name", f"w1.example is not a DNS label; {LABEL_FIX}"),
        ("w" * 63 + "1", "nodes.workers[0].name", f"the value is not a DNS label; {LABEL_FIX}"),
        ("", "nodes.workers[0].name", f"the value is not a DNS label; {LABEL_FIX}"),
        (7, "nodes.workers[0]", "is a number; write a name, or a mapping of keys and values"),
        ({}, "nodes.workers[0].name", "is missing; add it"),
    ],
)
def test_invalid_node_name_is_refused(name: Any, field: str, message: str) -> None:
    assert problems({"nodes": {"workers": [name]}}) == [f"{field}: {message}"]


def test_node_name_of_63_characters_is_accepted() -> None:
    name = "w" * 62 + "1"
    assert load({"nodes": {"workers": [name]}}).nodes.workers[0].name == name


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"netwrok": {}}, "netwrok: is not a known key; use network"),
        (at("network.pod_cdir", "10.0.0.0/8"), "network.pod_cdir: is not a known key; use pod_cidr"),
        (at("network.pod-cidr", "10.0.0.0/8"), "network.pod-cidr: is not a known key; use pod_cidr"),
        (at("network.PodCidr", "10.0.0.0/8"), "network.PodCidr: is not a known key; use pod_cidr"),
        (at("kube_proxy.schedular", "rr"), "kube_proxy.schedular: is not a known key; use scheduler"),
        (
            at("kube_proxy.conntrack.maxpercore", 1),
            "kube_proxy.conntrack.maxpercore: is not a known key; use max_per_core",
        ),
        (worker(memory=3072), "nodes.workers[w1].memory: is not a known key; use memory_mib"),
        (worker(ports={"htttp": 8080}), "nodes.workers[w1].ports.htttp: is not a known key; use http"),
        ({"pod_cidr": "10.0.0.0/8"}, "pod_cidr: is not a known key here; it belongs to network.pod_cidr"),
        (at("demo.zzz", 1), "demo.zzz: is not a known key; use enabled, host or replicas"),
        (
            at("ingress.config.zzz", 1),
            "ingress.config.zzz: is not a known key; see docs/settings.md for the valid ones",
        ),
    ],
)
def test_unknown_key_is_refused_with_the_nearest_valid_name(raw: Any, message: str) -> None:
    assert problems(raw) == [message]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (worker(etcd_disk_gib=4), "nodes.workers[w1].etcd_disk_gib: is a key of control planes only; remove it"),
        (worker(ports={"api": 6443}), "nodes.workers[w1].ports.api: is a key of control planes only; remove it"),
        (
            {"nodes": {"control_planes": [{"name": "cp1", "ports": {"http": 8080}}]}},
            "nodes.control_planes[cp1].ports.http: is a key of workers only; remove it",
        ),
        (
            {"kube_proxy": {"mode": "nftables", "scheduler": "rr"}},
            "kube_proxy.scheduler: is a key of kube_proxy.mode ipvs only; remove it, or choose that",
        ),
    ],
)
def test_key_of_another_kind_is_told_from_a_misspelt_one(raw: Any, message: str) -> None:
    assert problems(raw) == [message]


@pytest.mark.parametrize(
    ("field", "what", "table", "default"),
    [
        ("kubernetes.version", "Kubernetes", versions.KUBERNETES, versions.DEFAULT_KUBERNETES),
        ("network.version", "Calico", versions.CALICO, versions.DEFAULT_CALICO),
        ("ingress.version", "ingress-nginx", versions.INGRESS_NGINX, versions.BUILT["ingress"]),
    ],
)
def test_version_that_is_not_in_the_table_is_refused(field: str, what: str, table: Any, default: str) -> None:
    use = f"use {versions.names(table)}"
    assert problems(at(field, "v1.2.3")) == [f"{field}: {what} v1.2.3 is not supported; {use}"]
    assert problems(at(field, "latest")) == [f"{field}: latest is not a version; {use}"]
    assert problems(at(field, default[1:])) == [f"{field}: {default[1:]} lacks the leading v; write {default}"]
    assert problems(at(field, "1.2.3")) == [f"{field}: 1.2.3 lacks the leading v; {use}"]
    assert problems(at(field, 1.36)) == [f"{field}: is a fraction; write text in quotes"]
    assert problems(at(field, default)) == []


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("kube_proxy.mode", "ipsv", "ipsv is not one of the values; use ipvs, nftables or iptables (nearest: ipvs)"),
        ("kube_proxy.mode", "userspace", "userspace is not one of the values; use ipvs, nftables or iptables"),
        ("kube_proxy.mode", True, "is the boolean true; use ipvs, nftables or iptables"),
        (
            "kube_proxy.scheduler",
            "wr",
            "wr is not one of the values; use rr, wrr, lc, wlc, sh, dh, sed, nq, lblc, lblcr or mh (nearest: wrr)",
        ),
        ("network.encapsulation", "ipip", "ipip is not one of the values; use none, vxlan-cross-subnet or vxlan"),
        ("nodes.source", "aws", f"aws is not one of the values; use {SOURCES}"),
        ("cluster.timing", "fast", "fast is not one of the values; use auto, native or emulated"),
        ("demo.replicas", 0, "0 is too small; use 1 or more"),
        ("demo.enabled", "yes", 'is the text "yes", not a boolean; write true or false, without quotes'),
        ("demo.host", "Demo.Fjord", "Demo.Fjord is not a host name; use lower-case DNS labels joined by dots, "
         "e.g. demo.fjord.internal"),
        ("network.as_number", 23456, "23456 is a reserved AS number; use a private one, e.g. 64512 to 65534"),
        ("network.mtu", 1000, "1000 is too small; use 1280 or more"),
        ("ingress.http_port", 0, "0 is too small; use 1 or more"),
        ("ingress.https_port", 65536, "65536 is too large; use 65535 or less"),
        ("ingress.https_port", "443", "is a number in quotes, which is text; write a whole number without quotes"),
        ("ingress.image", "a@sha256:0", "holds an @; write name:tag here and the digest in ingress.digest"),
        ("gates.timeout_seconds", 10**30, "the value is too large; use 7200 or less"),
        (
            "kube_proxy.conntrack.tcp_established_timeout",
            "1d",
            "1d is not a duration; write one such as 24h, 1h30m or 90s",
        ),
        (
            "kubernetes.kube_reserved.memory",
            "256MB",
            "256MB is not an amount of memory; write one such as 256Mi or 1Gi",
        ),
        ("nodes.control_planes", [], "is an empty list; name at least 1"),
        ("nodes.workers", "w1", "is text; write a list, e.g. [a, b], or remove the key for the default"),
        ("network", "calico", "is text; write a mapping of keys and values"),
    ],
)  # fmt: skip
def test_value_is_refused_with_its_state_and_the_fix(field: str, value: Any, message: str) -> None:
    assert problems(at(field, value)) == [f"{field}: {message}"]


@pytest.mark.parametrize("use", ["ssh", "http", "https"])
def test_port_that_needs_privileges_is_refused(use: str) -> None:
    field = f"nodes.workers[w1].ports.{use}"
    assert problems(worker(ports={use: 1023})) == [f"{field}: 1023 is too small; use 1024 or more"]
    assert problems(worker(ports={use: 1024})) == []


def test_text_instead_of_a_stack_is_refused() -> None:
    for raw, kind in (("nodes", "text"), (["nodes"], "a list"), (7, "a number")):
        assert problems(raw) == [f"fjordkube:stack: is not a mapping but {kind}; write keys such as `nodes:` under it"]


def test_key_that_is_no_text_is_refused_beside_what_else_is_wrong() -> None:
    found = problems({80: "http", "demo": {"replicas": 0}})
    assert len(found) == 2
    assert found[1] == "demo.replicas: 0 is too small; use 1 or more"
