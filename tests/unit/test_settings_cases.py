"""Stack files that were once taken for something else, or told in words that did not help: one fault each.

From a file's bytes to the refusal, as `make` reads it. Other values of each kind are in the tests of that kind.
"""

from __future__ import annotations

import pytest

from fjordkube import advice
from fjordkube.errors import MOST_LINES, SettingsError
from fjordkube.settings import Stack, load, reading

KEY = "fjordkube:stack"
EXISTING = (
    "firewall: {{admin_cidrs: [203.0.113.0/24]}}\n"
    "nodes: {{source: existing, private_cidr: 10.1.0.0/24, zone: no-osl1, workers: [w1], {more}}}"
)
PLANE = "control_planes: [{name: cp1, etcd_disk: root}]"


def existing(more: str) -> str:
    return EXISTING.format(more=more if "control_planes" in more else f"{PLANE}, {more}")


def upcloud(more: str) -> str:
    return f"firewall: {{admin_cidrs: [203.0.113.0/24]}}\nnodes: {{source: upcloud, {more}}}"


def worker(more: str) -> str:
    return f"nodes: {{workers: [{{name: w1, {more}}}]}}"


def nginx(more: str) -> str:
    return f"ingress: {{config: {{{more}}}}}"


def stack(text: str) -> Stack:
    """The settings of a file that holds them."""
    body = "".join(f"    {line}\n" for line in text.splitlines())
    return whole(f"config:\n  {KEY}:\n{body}".encode())


def whole(data: bytes) -> Stack:
    content = reading.parse(data, "Pulumi.x.yaml")
    return load((content.get("config") or {}).get(KEY))


def refused(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as error:
        stack(text)
    return error.value


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("config: {}\n".encode("utf-16"), "Pulumi.x.yaml: not UTF-8 at byte 0"),
        (b"nodes: {workers: [w1]}\n", "nodes: stands at the top of the file, where nothing reads it; write it under"),
        (f"config:\n  {KEY}: []\n".encode(), f"{KEY}: is not a mapping but a list"),
        (f"config:\n  {KEY}: 0\n".encode(), f"{KEY}: is not a mapping but a number"),
    ],
)
def test_file_that_holds_no_settings_is_no_default_cluster(data: bytes, words: str) -> None:
    with pytest.raises(SettingsError) as error:
        whole(data)
    (problem,) = error.value.problems
    assert words in problem


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        # tracebacks, or silently another cluster
        ("demo: {host: 2024-99-99}", "demo.host", "is read as a date"),
        ("network: {mtu: !!int abc}", "Pulumi.x.yaml", "line 3 has a tag (!)"),
        (f"network: {{mtu: {'1' * 5000}}}", "network.mtu", "has 5000 digits"),
        ("demo: &a\n  host: *a", "Pulumi.x.yaml", "line 3 has an anchor (&)"),
        ("demo: {enabled: true}\ndemo: {enabled: false}", "demo", "stands at line 3 and again at line 4"),
        ("ingress: {https_port: 0443}", "ingress.https_port", "which some read as octal; write 443"),
        ("ingress: {http_port: 2:15}", "ingress.http_port", "is read as a number to the base 60"),
        # whole matches, in ASCII
        ('nodes: {workers: ["w1\\n"]}', "nodes.workers[0].name", "is not a DNS label"),
        ('cluster: {domain: "x\\n.internal"}', "cluster.domain", "is not a host name"),
        (worker('labels: {tier: "web\\n"}'), "nodes.workers[w1].labels.tier", "is not a label's value"),
        (worker('taints: ["a=b:NoSchedule\\n"]'), "nodes.workers[w1].taints[0]", "is not a taint"),
        (existing('zone: "no-osl1\\n"').replace("zone: no-osl1, ", ""), "nodes.zone", "has blanks around it"),
        ('ingress: {image: "example.no/a:1\\n"}', "ingress.image", "is not an image name"),
        (
            existing('control_planes: [{name: cp1, etcd_disk: "LABEL=etcd\\n"}]'),
            "nodes.control_planes[cp1].etcd_disk",
            "does not name a disk",
        ),
        (
            nginx('large-client-header-buffers: "４ ８k"'),
            "ingress.config.large-client-header-buffers",
            "is not a number",
        ),
        ('kubernetes: {kube_reserved: {cpu: "１００m"}}', "kubernetes.kube_reserved.cpu", "is not an amount of CPU"),
        # the pod network
        ("network: {pod_cidr: 10.244.0.0/25, block_size: 27}", "network.pod_cidr", "its node mask is /24"),
        ("network: {as_number: 4200000000}", "network.as_number", "use 2147483647 or less"),
        ("network: {block_size: 30}", "network.block_size", "use 29 or less"),
        ("network: {block_size: 32}", "network.block_size", "use 29 or less"),
        # ranges
        (
            "firewall: {admin_cidrs: [10.0.0.0/8]}",
            "firewall.admin_cidrs",
            "so that every pod may enter the nodes by SSH",
        ),
        ("firewall: {admin_cidrs: [10.244.3.0/24]}", "firewall.admin_cidrs", "lies inside network.pod_cidr"),
        ("firewall: {admin_cidrs: [10.100.0.0/16]}", "firewall.admin_cidrs", "lies inside kubernetes.service_cidr"),
        ("firewall: {admin_cidrs: [192.168.77.0/24]}", "firewall.admin_cidrs", "holds the private address of cp1"),
        (
            existing("control_planes: [{name: cp1, etcd_disk: root, host: 10.244.1.5}]"),
            "nodes.control_planes[cp1].host",
            "10.244.1.5 lies in network.pod_cidr 10.244.0.0/16",
        ),
        (
            existing("control_planes: [{name: cp1, etcd_disk: root, public_address: 10.96.0.7}]"),
            "nodes.control_planes[cp1].public_address",
            "10.96.0.7 lies in kubernetes.service_cidr 10.96.0.0/12",
        ),
        (
            existing("ssh: {bastion: {host: 10.244.0.9, key_file: ~/.ssh/jump}}"),
            "nodes.ssh.bastion.host",
            "10.244.0.9 lies in network.pod_cidr",
        ),
        ("network: {pod_cidr: 224.0.0.0/3}", "network.pod_cidr", "224.0.0.0/4, which is multicast"),
        ("network: {pod_cidr: 126.0.0.0/7}", "network.pod_cidr", "127.0.0.0/8, which is loopback"),
        ("network: {pod_cidr: 168.0.0.0/6}", "network.pod_cidr", "169.254.0.0/16, which is link-local"),
        (
            "network: {pod_cidr: 0.0.0.0/8}",
            "network.pod_cidr",
            'which is "this network"; use a private range, e.g. 10.',
        ),
        ("kubernetes: {service_cidr: 0.0.0.0/12}", "kubernetes.service_cidr", 'lies inside 0.0.0.0/8, which is "this'),
        ("nodes: {private_cidr: 0.1.0.0/24}", "nodes.private_cidr", 'lies inside 0.0.0.0/8, which is "this network"'),
        # bounds
        ("kube_proxy: {conntrack: {min: 3000000000}}", "kube_proxy.conntrack.min", "is too large"),
        ("kube_proxy: {conntrack: {min: 1, max_per_core: 1}}", "kube_proxy.conntrack.min", "is too small"),
        (
            "kube_proxy: {conntrack: {tcp_established_timeout: 9999999h}}",
            "kube_proxy.conntrack.tcp_established_timeout",
            "is longer than 30 days",
        ),
        (
            'kubernetes: {system_reserved: {cpu: "4"}}',
            "kubernetes.system_reserved.cpu",
            "4100m are kept, and cp1 has 2000m, of which its own pods ask for 900m (2 more are as short)",
        ),
        (
            upcloud("worker_plan: 1xCPU-2GB") + '\nkubernetes: {system_reserved: {cpu: "0.8"}}',
            "kubernetes.system_reserved.cpu",
            "w1 has 1000m",
        ),
        # nginx
        (nginx("proxy-buffers-number: 1"), "ingress.config.proxy-buffers-number", "use 3 or more"),
        (nginx('proxy-buffer-size: "0"'), "ingress.config.proxy-buffer-size", "is out of range"),
        (nginx("proxy-max-temp-file-size: 1k"), "ingress.config.proxy-max-temp-file-size", "proxy-buffer-size 4k"),
        (
            nginx("proxy-max-temp-file-size: 8k, proxy-buffer-size: 16k"),
            "ingress.config.proxy-max-temp-file-size",
            "8k is smaller than proxy-buffer-size 16k, and nginx refuses that; use 0 for no file, or 16k or more",
        ),
        (nginx('large-client-header-buffers: "0 8k"'), "ingress.config.large-client-header-buffers", "is out of range"),
        (nginx('large-client-header-buffers: "4 100"'), "ingress.config.large-client-header-buffers", "out of range"),
        (nginx("ssl-session-cache-size: 1k"), "ingress.config.ssl-session-cache-size", "use 32k to"),
        (nginx("max-worker-connections: 1"), "ingress.config.max-worker-connections", "use 1024 or more"),
        (
            nginx("max-worker-connections: 0, max-worker-open-files: 100"),
            "ingress.config.max-worker-open-files",
            "100 open files leave 75 connections",
        ),
        (nginx("proxy-body-size: 99999999999999m"), "ingress.config.proxy-body-size", "is out of range"),
        (nginx(f"limit-rate: {10**20}"), "ingress.config.limit-rate", "has 21 digits"),
        (nginx(f"hsts-max-age: {10**30}"), "ingress.config.hsts-max-age", "has 31 digits"),
        (nginx("keep-alive-requests: 9999999999"), "ingress.config.keep-alive-requests", "use 1000000000 or less"),
        (nginx("custom-http-errors: [404, 499]"), "ingress.config.custom-http-errors[1]", "499 is nginx's own"),
        (nginx("proxy-protocol-header-timeout: 1d"), "ingress.config.proxy-protocol-header-timeout", "out of range"),
        (nginx("worker-shutdown-timeout: 99999999999d"), "ingress.config.worker-shutdown-timeout", "out of range"),
        (
            upcloud("load_balancer: true") + "\n" + nginx("use-proxy-protocol: true"),
            "ingress.config.use-proxy-protocol",
            "true expects a PROXY header, which the load balancer of nodes.load_balancer does not send",
        ),
        # names
        (worker('labels: {"a..b/x": y}'), "nodes.workers[w1].labels.a..b/x", "is not a label's name"),
        (
            worker("labels: {kubernetes.io/hostname: x}"),
            "nodes.workers[w1].labels.kubernetes.io/hostname",
            "the kubelet",
        ),
        (worker("labels: {kubernetes.io/os: windows}"), "nodes.workers[w1].labels.kubernetes.io/os", "the kubelet"),
        (f"cluster: {{domain: {'.'.join(['a' * 62] * 3 + ['b' * 61])}}}", "cluster.domain", "has 250 characters"),
        *(
            (upcloud(f"interface: {name}"), "nodes.interface", f"{name} is no NIC but made by")
            for name in ("kube-ipvs0", "cali0123456789a", "tunl0", "docker0", "lo", "vxlan.calico", "veth0", "virbr0")
        ),
        # words
        ("ingress: {http_port: 0080}", "ingress.http_port", "write 80, or put it in quotes where it is text"),
        (worker("labels: {on: yes}"), "nodes.workers[0].labels", "the key on at line 3 is read as true or false"),
        ("firewall: {admin_cidrs: [203.0.113.7]}", "firewall.admin_cidrs[203.0.113.7]", "write 203.0.113.7/32"),
        (f"nodes: {{pools: [{{name: {'a' * 63}, count: 1}}]}}", "nodes.pools[0].name", "has 63 characters"),
    ],
)
def test_case_is_refused_by_its_field_and_in_words_that_help(text: str, field: str, words: str) -> None:
    told = refused(text).problems
    assert all(line.startswith(f"{field}: ") and "; " in line and line.isprintable() for line in told), told
    assert any(words in line for line in told), told


@pytest.mark.parametrize(
    "text",
    [
        'kubernetes: {extra_sans: ["*.example.no"]}',
        # the gate speaks what is configured
        nginx("use-proxy-protocol: true"),
        nginx("force-ssl-redirect: true"),
        "ingress: {http_port: 8080}",
        f"cluster: {{domain: {'.'.join(['a' * 62] * 3 + ['b' * 60])}}}",
        # a bastion's own address in the nodes' network, and everybody, which was said so
        existing("ssh: {bastion: {host: 10.1.0.5, key_file: ~/.ssh/jump}}").replace("203.0.113.0/24", "10.1.0.5/32"),
        "firewall: {admin_cidrs: [0.0.0.0/0]}",
        # emulated machines reserve little, whatever is said
        'cluster: {timing: emulated}\nkubernetes: {system_reserved: {cpu: "4"}}',
        nginx('proxy-max-temp-file-size: "0", proxy-buffer-size: 16k'),
        "nodes: {workers: [{name: w1, cpus: 1}]}",
        existing("interface: br0"),
        existing("interface: bond0.100"),
    ],
)
def test_case_that_makes_a_cluster_is_taken(text: str) -> None:
    stack(text)


@pytest.mark.parametrize("pods", ["8.8.8.0/24", "172.0.0.0/8", "192.0.0.0/12"])
def test_somebodys_public_addresses_are_warned_of(pods: str) -> None:
    (line, *_) = [line for line in advice.warnings(stack(f"network: {{pod_cidr: {pods}}}")) if "public" in line]
    assert line.startswith(f"network.pod_cidr: {pods} holds public addresses")


def test_private_and_shared_addresses_are_not() -> None:
    text = "network: {pod_cidr: 100.64.0.0/12}\nkubernetes: {service_cidr: 172.16.0.0/16}"
    assert not [line for line in advice.warnings(stack(text)) if "public" in line]


def test_a_pool_that_is_far_too_large_is_told_in_a_few_lines() -> None:
    error = refused("nodes: {pools: [{name: web, count: 1000}]}")
    lines = str(error).splitlines()
    assert len(lines) < 12
    assert any("nodes.pools[web].first_address: has " in line and "more problems" in line for line in lines)
    assert any("network.node_mesh" in line for line in lines)


@pytest.mark.parametrize("bad", [MOST_LINES - 1, MOST_LINES, 150])
def test_no_message_is_longer_than_a_screen_and_the_rest_is_counted(bad: int) -> None:
    names = ", ".join(f"W{n}" for n in range(bad))
    error = refused(f"nodes: {{workers: [{names}]}}")
    lines = str(error).splitlines()
    assert lines[0].startswith(f"{bad} problems ")
    assert len(lines) <= MOST_LINES
    told = sum("is not a DNS label" in line for line in lines)
    assert told == bad if bad < MOST_LINES else lines[-1] == f"  - and {bad - told} more; mend these first"
