"""Values that were accepted once and make no cluster: whole matches in ASCII, and bounds."""

from __future__ import annotations

from typing import Any

import pytest

from fjordkube.settings import load
from tests.unit.refusals import at, problems, worker


def nginx(key: str, value: Any) -> dict[str, Any]:
    return {"ingress": {"config": {key: value}}}


EXISTING: dict[str, Any] = {
    "source": "existing",
    "private_cidr": "10.1.0.0/24",
    "zone": "no-osl1",
    "control_planes": [{"name": "cp1", "etcd_disk": "LABEL=etcd"}],
    "workers": ["w1"],
}
VENDOR: dict[str, Any] = {
    "source": "vendor_cli",
    "command": ["adapter"],
    "zone": "no-osl1",
    "image": "debian",
    "control_plane_plan": "a",
    "worker_plan": "a",
}


def existing(**fields: Any) -> dict[str, Any]:
    return {"nodes": EXISTING | fields, "firewall": {"admin_cidrs": ["203.0.113.0/24"]}}


def vendor(**fields: Any) -> dict[str, Any]:
    return {"nodes": VENDOR | fields, "firewall": {"admin_cidrs": ["203.0.113.0/24"]}}


def test_the_stacks_that_the_cases_change_hold_by_themselves() -> None:
    assert problems(existing()) == problems(vendor()) == []


@pytest.mark.parametrize(
    "raw",
    [
        worker(name="w1\n"),
        worker(labels={"tier\n": "web"}),
        worker(labels={"tier": "web\n"}),
        worker(taints=["a=b\n:NoSchedule"]),
        worker(taints=["a=b:NoSchedule\n"]),
        at("cluster.name", "fjord\n"),
        at("cluster.domain", "x\n.internal"),
        at("demo.host", "a.b\n"),
        at("kubernetes.version", "v1.37.1\n"),
        at("kubernetes.extra_sans", ["a.b\n"]),
        at("kubernetes.extra_sans", ["fe80::1%a\nb"]),
        at("kubernetes.kube_reserved.cpu", "100m\n"),
        at("kubernetes.kube_reserved.cpu", "１００m"),
        at("kubernetes.kube_reserved.memory", "256Mi\n"),
        at("kubernetes.kube_reserved.memory", "２５６Mi"),
        at("network.pod_cidr", "10.244.0.0/１６"),
        at("network.pod_cidr", "10.244.0.0/016"),
        at("network.pod_cidr", "10.244.0.0/16\n"),
        at("network.pod_cidr", "10.0.0.0/" + "9" * 5000),
        at("kube_proxy.conntrack.tcp_established_timeout", "24h\n"),
        at("kube_proxy.conntrack.tcp_established_timeout", "２４h"),
        at("ingress.image", "example.no/a:1\n"),
        at("ingress.digest", "sha256:" + "0" * 64 + "\n"),
        at("data.state.location", "no-osl1\n"),
        at("data.state.url", "s3://a\x01b"),
        nginx("large-client-header-buffers", "４ ８k"),
        nginx("proxy-body-size", "8m\n"),
        nginx("upstream-keepalive-time", "１h"),
        nginx("hide-headers", ["X-A\n"]),
        existing(zone="no-osl1\n"),
        existing(interface="eth1\n"),
        existing(ssh={"key_file": "~/.ssh/a\nb"}),
        existing(ssh={"known_hosts": "stacks/a\n"}),
        existing(ssh={"user": "root\n"}),
        existing(control_planes=[{"name": "cp1", "etcd_disk": "LABEL=etcd\n"}]),
        vendor(image="debian\n13"),
        vendor(command=["adapter\n"]),
        vendor(control_planes=[{"name": "cp1", "etcd_disk": "LABEL=etcd\n"}]),
        vendor(ssh_key_file="a\tb"),
    ],
)
def test_line_ends_and_digits_of_other_scripts_are_in_no_value(raw: dict[str, Any]) -> None:
    (line,) = problems(raw)
    assert line.isprintable()


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (at("network.as_number", 4200000000), "network.as_number: 4200000000 is too large; use 2147483647 or less"),
        (at("network.block_size", 30), "network.block_size: 30 is too large; use 29 or less"),
        (at("kube_proxy.conntrack.min", 3000000000), "kube_proxy.conntrack.min: 3000000000 is too large; use 16777216"),
        (at("kube_proxy.conntrack.min", 1), "kube_proxy.conntrack.min: 1 is too small; use 16384 or more"),
        (
            at("kube_proxy.conntrack.tcp_established_timeout", "9999999h"),
            "kube_proxy.conntrack.tcp_established_timeout: 9999999h is longer than 30 days; use 720h or less",
        ),
        (
            nginx("proxy-headers-hash-max-size", 32),
            "ingress.config.proxy-headers-hash-max-size: 32 is too small; use 512",
        ),
        (nginx("hide-headers", ["x" * 47]), "ingress.config.hide-headers"),
        (nginx("proxy-buffers-number", 1), "ingress.config.proxy-buffers-number: 1 is too small; use 3 or more"),
        (nginx("proxy-buffer-size", "0"), "ingress.config.proxy-buffer-size: 0 is out of range; use 1k to 16m"),
        (nginx("large-client-header-buffers", "0 8k"), "ingress.config.large-client-header-buffers: is out of range;"),
        (nginx("large-client-header-buffers", "4 100"), "ingress.config.large-client-header-buffers: is out of range;"),
        (nginx("ssl-session-cache-size", "1k"), "ingress.config.ssl-session-cache-size: 1k is out of range; use 32k"),
        (nginx("ssl-session-timeout", "500ms"), "ingress.config.ssl-session-timeout: 500ms is out of range; use 1s"),
        (nginx("ssl-session-timeout", "5000ms"), "ingress.config.ssl-session-timeout: 5000ms is in milliseconds"),
        (nginx("max-worker-connections", 1), "ingress.config.max-worker-connections: 1 is too small: listening"),
        (
            nginx("proxy-body-size", "99999999999999m"),
            "ingress.config.proxy-body-size: 99999999999999m is out of range",
        ),
        (nginx("limit-rate", 10**20), "ingress.config.limit-rate: the value is too large; use 1099511627776 or less"),
        (nginx("hsts-max-age", 10**30), "ingress.config.hsts-max-age: the value is too large; use 2147483647 or less"),
        (nginx("map-hash-bucket-size", 65536), "ingress.config.map-hash-bucket-size: 65536 is too large; use 65472"),
        (nginx("proxy-protocol-header-timeout", "1d"), "ingress.config.proxy-protocol-header-timeout: 1d is out of"),
        (nginx("proxy-protocol-header-timeout", "0d"), "ingress.config.proxy-protocol-header-timeout: 0d is out of"),
        (
            nginx("worker-shutdown-timeout", "99999999999d"),
            "ingress.config.worker-shutdown-timeout: 99999999999d is out",
        ),
        (worker(labels={"a..b/x": "y"}), "nodes.workers[w1].labels.a..b/x: a..b/x is not a label's name;"),
        (
            worker(labels={f"{'a' * 64}.no/x": "y"}),
            f"nodes.workers[w1].labels.{'a' * 64}.no/x: the value is not a label's",
        ),
        (
            worker(labels={"x" * 5000: "y"}),
            "nodes.workers[w1].labels.(a key): the value is not a label's name; write one such as tier",
        ),
        (
            worker(labels={"kubernetes.io/hostname": "x"}),
            "nodes.workers[w1].labels.kubernetes.io/hostname: is a label that the kubelet writes;",
        ),
        (
            worker(labels={"kubernetes.io/os": "windows"}),
            "nodes.workers[w1].labels.kubernetes.io/os: is a label that the kubelet writes;",
        ),
        (worker(taints=["node.kubernetes.io/not-ready:NoExecute"]), "nodes.workers[w1].taints[0]: is a taint that Kub"),
        (existing(interface="kube-ipvs0"), "nodes.interface: kube-ipvs0 is no NIC but made by the system,"),
        (existing(interface="lo"), "nodes.interface: lo is no NIC but made by the system,"),
        (
            at("nodes.pools", [{"name": "a" * 63, "count": 3}]),
            "nodes.pools[0].name: has 63 characters, and a number comes after them; use at most 59",
        ),
        (
            at("firewall.admin_cidrs", ["203.0.113.7"]),
            "firewall.admin_cidrs[203.0.113.7]: 203.0.113.7 is an address without a prefix length; write 203.0.113",
        ),
        (
            at("ingress.http_port", "0080"),
            "ingress.http_port: is text because of its leading zero; write a whole number, 80",
        ),
        (
            worker(labels={True: True}),
            "nodes.workers[0].labels: has a key that is not text but a boolean; put the key in quotes",
        ),
    ],
)
def test_value_that_makes_no_cluster_is_refused(raw: dict[str, Any], problem: str) -> None:
    (line,) = problems(raw)
    assert line.startswith(problem)


def test_bounds_take_what_is_meant() -> None:
    config = {
        "proxy-buffers-number": 3,
        "large-client-header-buffers": "4 16k",
        "ssl-session-cache-size": "32k",
        "proxy-body-size": "0",
        "max-worker-connections": 0,
        "worker-shutdown-timeout": "0s",
    }
    assert problems({"ingress": {"config": config}}) == []
    assert problems(at("kube_proxy.conntrack.tcp_established_timeout", "0s")) == []


def test_certificates_take_wildcards() -> None:
    stack = load({"kubernetes": {"extra_sans": ["*.example.no", "2001:db8::1"]}})
    assert stack.kubernetes.extra_sans == ["*.example.no", "2001:db8::1"]
    assert problems({"kubernetes": {"extra_sans": ["*"]}})
    assert problems({"kubernetes": {"extra_sans": ["a.*.no"]}})
