"""What each gate holds against what was measured: pure decisions, and that each names its fix."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fjordkube.helpers.gates import capture, ingress, pair, ping
from fjordkube.helpers.gates.bgp import Report, network_unmet, session_unmet
from fjordkube.helpers.gates.ingress import Door, Doors, HttpPort, judge, percentile, request_all
from fjordkube.helpers.gates.ipvs import table_unmet
from fjordkube.helpers.gates.ipvs_table import Entry, Key
from fjordkube.helpers.gates.links import Route
from fjordkube.helpers.gates.pair import Web, Wire, web_unmet, wire_unmet
from fjordkube.helpers.gates.targets import Target
from fjordkube.helpers.ssh import Access


def target(name: str, last: int) -> Target:
    return Target(name, f"192.168.77.{last}", "eth1", Access(name, "127.0.0.1", "22", "root", "KEY", "ssh-ed25519 A"))


CP1, W1, W2 = EVERY = [target("cp1", 11), target("w1", 101), target("w2", 102)]
ADDRESSES = {each.name: each.address for each in EVERY}
WHOLE = {"192.168.77.101": "Established", "192.168.77.102": "Established"}


def measured(unmet: object) -> list[str]:
    assert isinstance(unmet, list)
    assert all(unmet.fix for unmet in unmet)
    return [unmet.words for unmet in unmet]


# --- BGP ---


def test_a_node_that_speaks_with_every_other_lacks_nothing() -> None:
    assert session_unmet(CP1, EVERY, Report(WHOLE, answered=True)) == []


def test_a_missing_session_is_named_with_its_state() -> None:
    report = Report({**WHOLE, "192.168.77.101": "Active Socket: Connection refused"}, answered=True)
    assert measured(session_unmet(CP1, EVERY, report)) == [
        "cp1: 1 of 2 sessions (w1: Active Socket: Connection refused)"
    ]
    found = measured(session_unmet(W1, EVERY, report))
    assert found == ["w1: 1 of 2 sessions (cp1: not configured)"]


def test_a_silent_bird_is_something_else_than_no_sessions() -> None:
    assert measured(session_unmet(CP1, EVERY, Report())) == ["cp1: BIRD does not answer"]


def test_a_node_alone_needs_no_session() -> None:
    assert session_unmet(CP1, [CP1], Report()) == []


BLOCKS = {"10.244.0.0/26": "cp1", "10.244.1.0/26": "w1", "10.244.9.0/26": "gone"}


def network(**routes: Route) -> Report:
    return Report(WHOLE, True, [], {"10.244.1.0/26": Route("192.168.77.101", "eth1"), **routes})


def test_blocks_of_other_nodes_are_reached_straight_by_the_private_nic() -> None:
    assert network_unmet(CP1, ADDRESSES, BLOCKS, network()) == []
    report = network(**{"10.244.1.0/26": Route("10.244.1.0", "vxlan.calico")})
    assert measured(network_unmet(CP1, ADDRESSES, BLOCKS, report)) == [
        "cp1: 10.244.1.0/26 on w1 is reached via 10.244.1.0 on vxlan.calico, not via 192.168.77.101 on eth1"
    ]
    assert measured(network_unmet(CP1, ADDRESSES, BLOCKS, Report(WHOLE, True, []))) == [
        "cp1: no route of BIRD's to 10.244.1.0/26 on w1"
    ]


def test_any_tunnel_breaks_the_promise() -> None:
    report = network()
    report.tunnels = ["tunl0 (ipip)"]
    assert measured(network_unmet(CP1, ADDRESSES, BLOCKS, report)) == ["cp1: device tunl0 (ipip)"]


def test_devices_that_were_not_seen_are_not_absent() -> None:
    assert measured(network_unmet(CP1, ADDRESSES, {}, Report(WHOLE, True))) == ["cp1: devices not seen yet"]


# --- data path ---


def wire(received: int = 5, native: int = 10, encapsulated: int = 0, narrowest: int | None = None) -> Wire:
    return Wire(1500, 1500, ping.Echo(5, received, 0.8, narrowest), capture.Counts(native, encapsulated))


def test_all_pings_back_and_seen_as_they_are() -> None:
    assert wire_unmet("cp1 to w1", wire(), 5, native=True) == []


@pytest.mark.parametrize(
    ("seen", "words", "fix"),
    [
        (None, "the probe's interface is not there yet", pair.FIX_PODS),
        (wire(received=4), "4 of 5 pings of 1500 bytes came back", pair.FIX_LOSS),
        (wire(received=0, narrowest=1400), "1500 bytes do not fit, a link takes 1400", pair.FIX_MTU),
        (Wire(1460, 9000, ping.Echo(5, 5, 0.8), capture.Counts(10, 0)),
         "pods have an MTU of 1460, and the private NIC takes 9000", pair.FIX_NARROW),
        (wire(encapsulated=3), "3 encapsulated packets", pair.FIX_WRAPPED),
        (wire(native=0, encapsulated=10), "10 encapsulated packets", pair.FIX_WRAPPED),
        (wire(native=0), "5 pings came back, 0 of them seen on the private NIC", pair.FIX_WATCH),
        (Wire(1500, 1500, ping.Echo(5, 5, 0.8), None), "5 pings came back, 0 of them seen", pair.FIX_WATCH),
    ],
)  # fmt: skip
def test_what_is_wrong_on_the_wire_has_a_fix_of_its_own(seen: Wire | None, words: str, fix: str) -> None:
    (unmet,) = wire_unmet("cp1 to w1", seen, 5, native=True)
    assert unmet.measured.startswith(f"cp1 to w1: {words}")
    assert unmet.fix == fix


def test_where_packets_may_be_wrapped_they_are_not_counted() -> None:
    wrapped = Wire(1450, 1500, ping.Echo(5, 5, 0.8), capture.Counts(0, 10))
    assert wire_unmet("cp1 to w1", wrapped, 5, native=False) == []


def test_mtu_of_the_settings_is_what_pods_are_compared_with() -> None:
    narrow = Wire(1400, 1500, ping.Echo(5, 5, 0.8), capture.Counts(10, 0))
    assert wire_unmet("cp1 to w1", narrow, 5, native=True, mtu=1400) == []
    (unmet,) = wire_unmet("cp1 to w1", wire(), 5, native=True, mtu=1400)
    assert unmet.measured == "cp1 to w1: pods have an MTU of 1500, and network.mtu is 1400"


def test_the_policy_lets_pods_in_and_drops_the_node_in_silence() -> None:
    assert web_unmet("cp1 to w1", Web((200, 0), (0, 28))) == []


@pytest.mark.parametrize(
    ("web", "words"),
    [
        (None, "no request was sent"),
        (Web((0, 28), (0, 28)), "HTTP from pod to pod: no answer in time, where the policy allows it"),
        (Web((503, 0), (0, 28)), "HTTP from pod to pod: status 503, where the policy allows it"),
        (Web((200, 0), (200, 0)), "HTTP from the node itself: status 200, where the policy drops it"),
        # refused is no drop: something answered
        (Web((200, 0), (0, 7)), "HTTP from the node itself: refused or unreachable (curl's status 7), where"),
    ],
)
def test_what_is_wrong_with_the_policy(web: Web | None, words: str) -> None:
    (found,) = measured(web_unmet("cp1 to w1", web))
    assert found.startswith(f"cp1 to w1: {words}")


# --- IPVS ---

DEMO = Key("TCP", "10.96.23.7", 80)
ENDPOINTS = frozenset({"10.244.1.3:8080", "10.244.2.4:8080"})


def test_a_table_with_scheduler_and_exactly_the_endpoints_is_right() -> None:
    assert table_unmet("w1", {DEMO: Entry("rr", ENDPOINTS)}, {DEMO: ENDPOINTS}, "rr") == []


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (None, "w1: not asked yet"),
        ({}, "w1: 10.96.23.7:80/TCP is not in its table of 0 virtual services"),
        ({DEMO: Entry("wlc", ENDPOINTS)}, "w1: 10.96.23.7:80/TCP has scheduler wlc, not rr"),
        (
            {DEMO: Entry("rr", frozenset({"10.244.1.3:8080"}))},
            "w1: 10.96.23.7:80/TCP leads to 10.244.1.3:8080, not to 10.244.1.3:8080, 10.244.2.4:8080",
        ),
        (
            {DEMO: Entry("rr", ENDPOINTS | {"10.244.9.9:8080"})},
            "w1: 10.96.23.7:80/TCP leads to 10.244.1.3:8080, 10.244.2.4:8080, 10.244.9.9:8080, not to",
        ),
    ],
)
def test_what_is_wrong_with_a_table(held: dict[Key, Entry] | None, words: str) -> None:
    (found,) = measured(table_unmet("w1", held, {DEMO: ENDPOINTS}, "rr"))
    assert found.startswith(words)


# --- ingress ---


class Web8080:
    """A door on loopback; `statuses` are used up one by one, the last one stays."""

    def __init__(self, *statuses: int, pod: str = "demo-1", body: str = "") -> None:
        self.statuses, self.pod, self.body = list(statuses), pod, body
        self.hosts: list[str] = []
        self.connections = 0
        self.port = 0


@contextmanager
def open_door(web: Web8080) -> Iterator[HttpPort]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            web.connections += 1
            super().setup()

        def do_GET(self) -> None:
            web.hosts.append(self.headers["Host"])
            status = web.statuses.pop(0) if len(web.statuses) > 1 else web.statuses[0]
            self.send_response(status)
            if web.pod:
                self.send_header("X-Served-By", web.pod)
            self.send_header("Content-Length", str(len(web.body)))
            self.end_headers()
            self.wfile.write(web.body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield HttpPort("w1", "127.0.0.1", server.server_address[1])
    server.shutdown()
    server.server_close()


def test_a_row_of_good_answers_comes_over_one_connection() -> None:
    web = Web8080(200)
    with open_door(web) as target:
        door = Door(target)
        request_all(door, "demo.fjord.internal", 20)
    assert (len(door.milliseconds), door.pods, door.failures, door.unmet) == (20, {"demo-1"}, 0, None)
    assert set(web.hosts) == {"demo.fjord.internal"}
    assert web.connections == 1


def test_a_failure_in_the_row_is_counted_and_the_row_begins_anew() -> None:
    web = Web8080(404, 404, 200, 200, 502, 200)
    with open_door(web) as target:
        doors = Doors([target], "demo.fjord.internal", 3)
        (door,) = doors.doors
        assert measured(doors.look()) == [f"w1: status 404 at {target.url}"]
        assert measured(doors.look()) == [f"w1: status 404 at {target.url}"]
        assert measured(doors.look()) == [f"w1: status 502 at {target.url}"]
        assert door.failures == 1
        assert doors.look() == []
    assert (len(door.milliseconds), door.failures) == (3, 1)


def test_nobody_at_the_door_is_told_with_its_address() -> None:
    door = Door(HttpPort("w1", "127.0.0.1", 1))
    request_all(door, "demo.fjord.internal", 1)
    assert measured([door.unmet]) == ["w1: no answer at http://127.0.0.1:1/ (connection refused)"]
    assert door.failures == 0


def test_an_answer_of_somebody_else_is_not_the_demo() -> None:
    target = HttpPort("w1", "::1", 80)
    assert measured([judge("w1", target.url, 200, "")]) == ["w1: 200 at http://[::1]:80/, but not from the demo"]
    assert judge("w1", target.url, 200, "demo-1") is None


def test_the_demos_stand_in_names_its_pod_in_its_answer() -> None:
    with open_door(Web8080(200, pod="", body="demo-6c9f7b8d5-x2k4q")) as target:
        door = Door(target)
        request_all(door, "demo.fjord.internal", 2)
    assert (door.pods, door.unmet) == ({"demo-6c9f7b8d5-x2k4q"}, None)


@pytest.mark.parametrize(
    "body", ["", "demo", "<p>demo-6c9f7b8d5-x2k4q</p>", "demo-6c9f7b8d5-x2k4q\n", "web-6c9f7b8d5-x2k4q"]
)
def test_another_answer_without_the_header_is_not_the_demos(body: str) -> None:
    with open_door(Web8080(200, pod="", body=body)) as target:
        door = Door(target)
        request_all(door, "demo.fjord.internal", 1)
        assert measured([door.unmet]) == [f"w1: 200 at {target.url}, but not from the demo"]


def test_a_connection_that_says_nothing_has_words_too() -> None:
    assert ingress._why(http.client.RemoteDisconnected("closed without response")) == "closed without response"
    assert ingress._why(TimeoutError()) == "TimeoutError"


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.25], 0.99)) == (50.0, 99.0, 7.2)
