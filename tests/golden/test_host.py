"""Texts that a host is prepared with."""

from __future__ import annotations

import pytest

from fjordkube.host import api_proxy, containerd, hostnames, modules, services, sysctls, units
from fjordkube.host.preparation import preparation
from fjordkube.settings.kube_proxy import Conntrack
from fjordkube.shell import script
from fjordkube.timing import EMULATED, NATIVE
from tests.golden.bootstrap_cluster import SANDBOX, host_args, node, nodes, without_scripts
from tests.golden.golden import check


def test_containerd_configuration() -> None:
    check("host/containerd.toml", containerd.containerd_config(SANDBOX))


def test_sysctls() -> None:
    check("host/sysctls.txt", sysctls.sysctl_rules(conntrack=Conntrack()))


def test_names_of_nodes_and_of_the_api() -> None:
    check("host/hosts.txt", hostnames.hosts_block(nodes()[-1], "api.fjord.internal"))


def test_units() -> None:
    check("host/containerd.conf", units.containerd_dropin())
    proxy = units.Proxy('http://proxy.example.no:3128/100%"', ["10.1.0.0/24", "10.244.0.0/16", "10.96.0.0/12"])
    check("host/containerd-proxy.conf", units.containerd_dropin(proxy))
    check("host/kubelet-control-plane.conf", units.kubelet_dropin("/var/lib/etcd"))
    check("host/kubelet-worker.conf", units.kubelet_dropin(None))
    check("host/api-proxy.service", units.api_proxy_unit())
    check("host/firewall.service", units.firewall_unit("/etc/fjordkube/firewall.nft"))


def test_the_apis_proxy() -> None:
    planes = [node(f"cp{number}", "control-plane", 10 + number) for number in (1, 2, 3)]
    for name, of, some, timing in (
        ("own-of-three", planes[1], planes, NATIVE),
        ("worker-of-three", nodes()[-1], planes, EMULATED),
        ("of-one", planes[0], planes[:1], NATIVE),
    ):
        text = api_proxy.configuration(of, some, "api.fjord.internal", timing.api_proxy)
        check(f"host/api-proxy-{name}.cfg", text)


def test_files_of_names_that_a_host_may_have_itself_say_that_they_are_ours() -> None:
    """Or lib.sh would not keep the host's own beside."""
    mark = services.WRITTEN.rstrip(".\n")
    assert f"WRITTEN='{mark}'" in script("lib")
    texts = (services.containerd_unit(), services.kubelet_unit(), services.kubeadm_dropin())
    for text in (*texts, containerd.containerd_config(SANDBOX), containerd.crictl_config(10)):
        assert text.startswith(mark)


@pytest.mark.parametrize(
    ("mode", "scheduler", "expected"),
    [
        ("ipvs", "rr", ["ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"]),
        ("ipvs", "mh", ["ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "ip_vs_mh"]),
        ("nftables", None, ["nf_tables"]),
        ("iptables", None, []),
    ],
)
def test_modules_follow_the_mode(mode: str, scheduler: str | None, expected: list[str]) -> None:
    assert modules.modules(mode, scheduler) == ["overlay", "br_netfilter", "nf_conntrack", "ip_set", *expected]


def test_whole_text_for_a_control_plane() -> None:
    text = preparation(host_args(nodes()[0]))
    check("host/preparation-cp1.sh", without_scripts(text, "host"))


def test_preparation_is_the_same_at_every_pace_but_for_the_kubelets_environment() -> None:
    native, emulated = (preparation(host_args(nodes()[1], each)) for each in (NATIVE, EMULATED))
    mark = "Environment=GOGC=400\n"
    assert mark in emulated
    with_mark = emulated.replace(mark, "").splitlines()
    # the file's end mark is a digest of its text
    differ = [pair for pair in zip(native.splitlines(), with_mark, strict=True) if pair[0] != pair[1]]
    assert all("EOF_" in line for pair in differ for line in pair)
    assert len(differ) == 2
