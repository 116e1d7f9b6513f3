"""The front door as it is configured: a PROXY header before anything else, HTTP that sends to HTTPS."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from fjordkube.helpers.gates.front_connection import Way, proxy_header
from fjordkube.helpers.gates.ingress import Door, HttpPort, request_all
from tests.unit.helpers.front import Front, listening

HOST = "demo.fjord.internal"


def requested(way: Way, port: int, https_port: int | None = None, requests: int = 3) -> Door:
    door = Door(HttpPort("w1", "127.0.0.1", port, https_port))
    request_all(door, HOST, requests, way, timeout=5)
    return door


def test_a_proxy_header_comes_first_and_once_for_each_connection() -> None:
    front = Front(proxy=True)
    with listening(front) as port:
        door = requested(Way(proxy=True), port)
    assert (len(door.milliseconds), door.unmet) == (3, None)
    (header,) = front.headers
    kind, family, source, address, source_port, target_port = header.split()
    assert (kind, family, source, address, int(target_port)) == ("PROXY", "TCP4", "127.0.0.1", "127.0.0.1", port)
    assert 0 < int(source_port) < 65536


def test_a_gate_that_speaks_plain_http_to_such_a_door_never_passes() -> None:
    with listening(Front(proxy=True)) as port:
        assert requested(Way(), port).unmet is not None
    # and the other way round: the header is a broken request
    with listening(Front()) as port:
        door = requested(Way(proxy=True), port)
    assert door.unmet is not None
    assert door.unmet.measured.isprintable()


@pytest.mark.parametrize("proxy", [False, True])
def test_http_that_sends_to_https_is_followed_to_the_demo(certificate: Path, proxy: bool) -> None:
    plain = Front(proxy=proxy, status=308, location=f"https://{HOST}/")
    secret = Front(proxy=proxy)
    with listening(plain) as port, listening(secret, certificate) as https_port:
        door = requested(Way(proxy, 308), port, https_port)
    assert (door.unmet, len(door.milliseconds), door.pods) == (None, 3, {"demo-1"})
    assert secret.names == [HOST]
    assert len(plain.headers) == len(secret.headers) == proxy


@pytest.mark.parametrize(
    ("front", "words"),
    [
        (Front(), "status 200 at"),
        (Front(status=301, location=f"https://{HOST}/"), "status 301 at"),
        (Front(status=308, location="https://elsewhere.example.no/"), "status 308 at"),
        (Front(status=404), "status 404 at"),
    ],
)
def test_http_that_is_not_sent_to_https_as_promised_fails(certificate: Path, front: Front, words: str) -> None:
    with listening(front) as port, listening(Front(), certificate) as https_port:
        door = requested(Way(redirect=308), port, https_port)
    assert door.unmet is not None
    assert words in door.unmet.measured
    assert "308 to https://demo.fjord.internal is promised" in door.unmet.measured
    assert door.milliseconds == []


def test_a_node_without_a_port_for_https_is_named() -> None:
    door = requested(Way(redirect=308), 1)
    assert door.unmet is not None
    assert door.unmet.measured == "w1: has no port for HTTPS from outside"


def test_ipv6_has_its_own_family() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener, socket.create_connection(listener.getsockname()[:2]) as opened:
        assert proxy_header(opened).startswith(b"PROXY TCP6 ::1 ::1 ")
