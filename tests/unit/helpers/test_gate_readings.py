"""What programs on nodes say, read: BIRD, ip, ping, a capture, ipvsadm; and the API's Services, pods and DaemonSets."""

from __future__ import annotations

import base64
import struct
from ipaddress import IPv4Address
from typing import Any

import pytest

from fjordkube.helpers.gates import bird, capture, links, ping
from fjordkube.helpers.gates.bgp import blocks_of, ready_pods
from fjordkube.helpers.gates.ipvs_table import Entry, Key, table
from fjordkube.helpers.gates.links import Route
from fjordkube.helpers.gates.probes import probes, ring
from fjordkube.helpers.gates.service import wanted
from fjordkube.helpers.gates.targets import sections

# As BIRD 1.6.8 really answered.
BIRD = """0001 BIRD 1.6.8 ready.
2002-name     proto    table    state  since       info
1002-kernel1  Kernel   master   up     13:07:36    
 device1  Device   master   up     13:07:36    
 direct1  Direct   master   up     13:07:36    
 Mesh_192_168_77_102 BGP      master   up     13:07:41    Established   
 Mesh_192_168_77_103 BGP      master   start  13:07:36    Active        Socket: No route to host
 Mesh_192_168_77_104 BGP      master   start  2026-11-25  Passive       
 Mesh_192_168_77_105 BGP      master   start  2026-11-25 13:07:36  OpenConfirm   
 Node_192_168_77_106 BGP      master   down   13:07:36    
 Mesh_fd80_24e2_f998_72d7__2 BGP      master   up     13:07:41    Established   
0000 
"""  # noqa: W291

# As iproute2 6.1 really showed it, shortened.
LINKS = r"""1: lo: <LOOPBACK> mtu 65536 qdisc noop \    link/loopback 00:00 brd 00:00 minmtu 0 numtxqueues 1
2: vxlan.calico: <BROADCAST> mtu 1450 qdisc noop \    link/ether 4a:c8 brd ff:ff \    vxlan id 4096 srcport 0 0
3: eth0@cali0: <BROADCAST> mtu 1500 qdisc noop \    link/ether f6:59 brd ff:ff \    veth addrgenmode eui64
4: tunl0@NONE: <NOARP> mtu 1480 qdisc noop \    link/ipip 0.0.0.0 brd 0.0.0.0 \    ipip any remote any local any
5: kube-ipvs0: <BROADCAST> mtu 1500 \    link/ether 7a:42 brd ff:ff \    dummy addrgenmode eui64
"""

PING = """PING 10.244.2.3 (10.244.2.3) 1472(1500) bytes of data.
1480 bytes from 10.244.2.3: icmp_seq=1 ttl=62 time=0.069 ms

--- 10.244.2.3 ping statistics ---
5 packets transmitted, 5 received, 0% packet loss, time 1264ms
rtt min/avg/max/mdev = 0.058/0.070/0.076/0.006 ms
"""
TOO_LONG = """PING 10.244.2.3 (10.244.2.3) 1472(1500) bytes of data.
From 192.168.77.101 icmp_seq=1 Frag needed and DF set (mtu = 1400)
ping: local error: message too long, mtu=1400

--- 10.244.2.3 ping statistics ---
5 packets transmitted, 0 received, +5 errors, 100% packet loss, time 1272ms
"""

IPVS = """IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.1:443 rr
  -> 192.168.77.11:6443           Masq    1      4          0         
TCP  10.96.23.7:80 wlc persistent 10800
  -> 10.244.1.3:8080              Masq    1      0          0         
  -> 10.244.2.4:8080              Masq    0      0          1         
UDP  10.96.0.10:53 rr
"""  # noqa: W291


def test_a_session_is_established_only_when_bird_says_up_and_established() -> None:
    assert bird.sessions(BIRD) == {
        "192.168.77.102": "Established",
        "192.168.77.103": "Active Socket: No route to host",
        "192.168.77.104": "Passive",
        "192.168.77.105": "OpenConfirm",
        "192.168.77.106": "down",
    }


def test_bird_has_answered_when_its_last_line_is_there() -> None:
    assert bird.answers(BIRD)
    assert not bird.answers("0001 BIRD 1.6.8 ready.\n")
    assert not bird.answers("")


def test_tunnels_are_found_by_kind_whatever_their_name() -> None:
    assert links.tunnels(LINKS) == ["vxlan.calico (vxlan)", "tunl0 (ipip)"]
    assert links.tunnels("6: x: <UP> mtu 1420 \\    link/none \\    wireguard addrgenmode none") == ["x (wireguard)"]


def test_routes_by_block_without_the_nodes_own() -> None:
    text = "blackhole 10.244.1.0/26 \n10.244.2.0/26 via 192.168.77.102 dev eth1 \n10.244.3.0/26 dev tunl0 scope link\n"
    assert links.routes(text) == {
        "10.244.2.0/26": Route("192.168.77.102", "eth1"),
        "10.244.3.0/26": Route("", "tunl0"),
    }


def test_echoes_are_counted() -> None:
    echo = ping.echo(PING)
    assert (echo.sent, echo.received, echo.average_ms, echo.loss_percent, echo.narrowest) == (5, 5, 0.07, 0.0, None)


def test_a_link_that_is_too_narrow_is_named() -> None:
    echo = ping.echo(TOO_LONG)
    assert (echo.received, echo.loss_percent, echo.narrowest) == (0, 100.0, 1400)


def test_a_ping_that_never_started_is_a_loss() -> None:
    assert ping.echo("ping: connect: Network is unreachable").loss_percent == 100.0


def packet(source: str, target: str, protocol: int, rest: bytes = b"\0" * 8) -> bytes:
    """Ethernet and IPv4 headers, and what follows."""
    header = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, protocol, 0)
    return b"\0" * 12 + b"\x08\0" + header + IPv4Address(source).packed + IPv4Address(target).packed + rest


def captured(*packets: bytes, link: int = 1, order: str = "<") -> str:
    text = struct.pack(f"{order}IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 96, link)
    for content in packets:
        text += struct.pack(f"{order}IIII", 0, 0, len(content), len(content)) + content
    return base64.encodebytes(text).decode()


POD, PEER = "10.244.1.3", "10.244.2.4"


def test_packets_are_counted_by_their_outermost_header() -> None:
    native = [packet(POD, PEER, 1), packet(PEER, POD, 1)]
    inside = packet(POD, PEER, 1)
    wrapped = [
        packet("192.168.77.101", "192.168.77.102", 4, inside[14:]),
        packet("192.168.77.101", "192.168.77.102", 17, struct.pack("!HHHH", 40000, 4789, 8, 0) + inside),
        packet("192.168.77.102", "192.168.77.101", 17, struct.pack("!HHHH", 51820, 51820, 8, 0)),
    ]
    others = [packet("10.244.1.9", PEER, 1), packet(POD, PEER, 17), b"\0" * 60]
    for order in "<>":
        assert capture.count(captured(*native, *wrapped, *others, order=order), POD, PEER) == capture.Counts(2, 3)


def test_what_is_no_capture_is_none() -> None:
    for text in ("", "????", "AAAA", captured(link=113)):
        assert capture.count(text, POD, PEER) is None
    assert capture.count(captured(), POD, PEER) == capture.Counts(0, 0)


def test_a_capture_cut_in_the_middle_counts_what_is_whole() -> None:
    data = base64.b64decode(captured(packet(POD, PEER, 1), packet(PEER, POD, 1)))
    assert capture.count(base64.b64encode(data[:-30]).decode(), POD, PEER) == capture.Counts(1, 0)


def test_the_table_without_servers_that_are_only_drained() -> None:
    found = table(IPVS)
    assert [str(key) for key in found] == ["10.96.0.1:443/TCP", "10.96.23.7:80/TCP", "10.96.0.10:53/UDP"]
    demo = found[Key("TCP", "10.96.23.7", 80)]
    assert demo == Entry("wlc", frozenset({"10.244.1.3:8080"}))
    assert found[Key("UDP", "10.96.0.10", 53)].servers == set()
    assert table("Can't initialize ipvs: Protocol not available") == {}


def test_a_service_wants_the_ready_endpoints_of_each_port() -> None:
    service = {
        "spec": {
            "clusterIP": "10.96.0.10",
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP"},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
            ],
        }
    }
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 5353, "protocol": "TCP"}]
    endpoints: list[dict[str, Any]] = [
        {"addresses": ["10.244.1.2"], "conditions": {"ready": True}},
        {"addresses": ["10.244.1.3"], "conditions": {"ready": False}},
        {"addresses": ["10.244.1.4"]},
    ]
    slices = [
        {"addressType": "IPv4", "ports": ports, "endpoints": endpoints},
        {"addressType": "IPv6", "ports": ports, "endpoints": [{"addresses": ["fd00::1"]}]},
    ]
    assert wanted(service, slices) == {
        Key("UDP", "10.96.0.10", 53): {"10.244.1.2:53", "10.244.1.4:53"},
        Key("TCP", "10.96.0.10", 53): {"10.244.1.2:5353", "10.244.1.4:5353"},
    }
    assert wanted(service, []) == {key: frozenset() for key in wanted(service, slices)}


def test_only_confirmed_blocks_that_stay_have_an_owner() -> None:
    entries = [("10.244.1.0/26", "confirmed", "false"), ("10.244.2.0/26", "pending", "false")]
    entries.append(("10.244.3.0/26", "confirmed", "true"))
    items = [{"spec": {"cidr": cidr, "node": "w1", "state": s, "deleted": d}} for cidr, s, d in entries]
    assert blocks_of(items) == {"10.244.1.0/26": "w1"}
    assert blocks_of([]) == {}


def daemon_set(**status: int) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "updatedNumberScheduled": 3, **status}}


def test_pods_count_when_they_are_ready_and_of_the_present_version() -> None:
    assert ready_pods(daemon_set(numberReady=3)) == 3
    assert ready_pods(daemon_set(numberReady=3, updatedNumberScheduled=1)) == 1
    assert ready_pods(daemon_set(numberReady=3, observedGeneration=1)) == 0
    assert ready_pods({"metadata": {}}) == 0
    assert ready_pods(None) == 0


def pod(node: str, address: str | None, ready: str = "True", **metadata: str) -> dict[str, Any]:
    status: dict[str, Any] = {"podIP": address, "conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": metadata, "spec": {"nodeName": node}, "status": status}


def test_a_probe_counts_when_it_is_ready_and_stays() -> None:
    items = [
        pod("w1", "10.244.1.3"),
        pod("w1", "10.244.1.2", deletionTimestamp="2026-11-25T13:00:00Z"),
        pod("w2", "10.244.2.4", ready="False"),
        pod("w3", None),
    ]
    assert {name: probe.address for name, probe in probes(items).items()} == {"w1": "10.244.1.3"}
    assert probes([]) == {}


@pytest.mark.parametrize(
    ("every", "pairs"),
    [("a", []), ("ab", [("a", "b"), ("b", "a")]), ("abc", [("a", "b"), ("b", "c"), ("c", "a")])],
)
def test_in_the_ring_everyone_is_source_once_and_target_once(every: str, pairs: list[tuple[str, str]]) -> None:
    assert ring(list(every)) == pairs


def test_parts_of_an_answer() -> None:
    assert sections("noise\n== a\n1\n\n2\n== b\n") == {"a": "1\n\n2", "b": ""}
