"""Gate ingress: the demo answers from outside, through every node that takes HTTP.

Owns the requests, their decision and figures. Neither API nor SSH is used: what a client sees is what is measured.
"""

from __future__ import annotations

import contextlib
import http.client
import math
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import HelperError
from .front_connection import FrontConnection, Way
from .targets import asked, seconds
from .waiting import Promise, Unmet, failure, until_kept

SERVED_BY = "X-Served-By"
"""Header in which the demo names its pod (offline/images/demo/main.go)."""

POD = re.compile(r"demo-[a-z0-9]{1,10}-[a-z0-9]{5}")
"""Name of a pod of the Deployment demo: the whole answer of agnhost, which stands in for the demo."""

TIMEOUT = 15.0
"""Seconds for one answer."""

AT_ONCE = 16

PLAIN = Way()

FIX_NOBODY = (
    "let the port pass to the node (firewall, security group) and see that a controller runs there: "
    "kubectl -n ingress-nginx get pods -o wide"
)
FIX_STATUS = (
    "400: something between adds or drops a PROXY header; 403: the ingress keeps this computer out by its lists; "
    "404: no Ingress with this host is loaded yet; 502 to 504: its pods do not answer the controller; "
    "kubectl -n ingress-nginx logs -l app.kubernetes.io/component=controller --prefix"
)
FIX_REDIRECT = (
    "ingress.config.force-ssl-redirect is on, so see that the controller has loaded it: "
    "kubectl -n ingress-nginx get configmap ingress-nginx-controller -o yaml"
)
FIX_NO_TLS = "give the node a port `https` (Node.ports) too: HTTP is sent there by ingress.config.force-ssl-redirect"
FIX_NO_DOOR = "give at least one node a port `http` (Node.ports), or switch the demo off: demo.enabled false"
FIX_OTHER = "another program answers on this port: see who listens, or choose another port for the node"


@dataclass(frozen=True)
class HttpPort:
    """One node's port for HTTP from outside."""

    name: str
    address: str
    port: int
    https_port: int | None = None
    """For HTTPS, where HTTP is sent there."""

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}/"

    @property
    def https_url(self) -> str:
        return f"https://{self._host}:{self.https_port}/"

    @property
    def _host(self) -> str:
        return f"[{self.address}]" if ":" in self.address else self.address


@dataclass
class Door:
    """What was seen at one such port."""

    http_port: HttpPort
    opened: bool = False
    """Whether it has ever answered as it should."""
    milliseconds: list[float] = field(default_factory=list)
    """Of the last row of good answers."""
    pods: set[str] = field(default_factory=set)
    failures: int = 0
    """Requests that failed after the first good answer."""
    unmet: Unmet | None = None


def ask_once(connection: http.client.HTTPConnection, host: str) -> tuple[int, str, str]:
    """Status, the pod that served and where it sends one; OSError or HTTPException when there is no answer."""
    connection.request("GET", "/", headers={"Host": host, "User-Agent": "fjordkube-gate"})
    response = connection.getresponse()
    body = response.read().decode(errors="replace")
    pod = response.headers.get(SERVED_BY) or (body if POD.fullmatch(body) else "")
    return response.status, pod, response.headers.get("Location", "")


def judge(name: str, url: str, status: int, pod: str) -> Unmet | None:
    """What is wrong with an answer that is to come from the demo."""
    if status != 200:
        return Unmet(f"{name}: status {status} at {url}", FIX_STATUS)
    if not pod:
        return Unmet(f"{name}: 200 at {url}, but not from the demo", FIX_OTHER)
    return None


def request_all(door: Door, host: str, requests: int, way: Way = PLAIN, timeout: float = TIMEOUT) -> None:
    """Up to `requests` over one connection, ending at the first that is not as it should be.

    Where HTTP is sent to HTTPS, one request is, and those follow there.
    """
    http_port = door.http_port
    door.milliseconds, door.unmet = [], None
    if way.redirect is None:
        connection = FrontConnection(http_port.address, http_port.port, timeout, way.proxy)
        _ask(door, connection, http_port.url, host, requests)
        return
    door.unmet = _redirected(http_port, host, way, timeout)
    if door.unmet:
        door.failures += door.opened
    elif http_port.https_port is not None:
        connection = FrontConnection(http_port.address, http_port.https_port, timeout, way.proxy, tls=host)
        _ask(door, connection, http_port.https_url, host, requests)


def _ask(door: Door, connection: FrontConnection, url: str, host: str, requests: int) -> None:
    name = door.http_port.name
    try:
        for _ in range(requests):
            start = time.perf_counter()
            try:
                status, pod, _ = ask_once(connection, host)
                door.unmet = judge(name, url, status, pod)
            except (OSError, http.client.HTTPException) as error:
                door.unmet = Unmet(f"{name}: no answer at {url}", FIX_NOBODY, _why(error))
            if door.unmet:
                door.failures += door.opened
                return
            door.opened = True
            door.milliseconds.append(1000 * (time.perf_counter() - start))
            door.pods.add(pod)
    finally:
        with contextlib.suppress(OSError):
            connection.close()


def _redirected(http_port: HttpPort, host: str, way: Way, timeout: float) -> Unmet | None:
    """What is wrong with the way from HTTP to HTTPS."""
    name, url = http_port.name, http_port.url
    if http_port.https_port is None:
        return Unmet(f"{name}: has no port for HTTPS from outside", FIX_NO_TLS)
    connection = FrontConnection(http_port.address, http_port.port, timeout, way.proxy)
    try:
        status, _, location = ask_once(connection, host)
    except (OSError, http.client.HTTPException) as error:
        return Unmet(f"{name}: no answer at {url}", FIX_NOBODY, _why(error))
    finally:
        with contextlib.suppress(OSError):
            connection.close()
    if status == way.redirect and location.startswith(f"https://{host}"):
        return None
    # a host that is not loaded yet has no redirect either
    fix = FIX_STATUS if status >= 400 else FIX_REDIRECT
    return Unmet(f"{name}: status {status} at {url}, where {way.redirect} to https://{host} is promised", fix)


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    # what came in place of HTTP may have line ends
    return " ".join(str(error).split()) or type(error).__name__


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed (nearest rank), rounded to a tenth."""
    ranked = sorted(values)
    return round(ranked[max(0, math.ceil(share * len(ranked)) - 1)], 1)


class Doors:
    """All doors, requested at until each has answered enough in a row."""

    def __init__(self, http_ports: Sequence[HttpPort], host: str, requests: int, way: Way = PLAIN) -> None:
        self.doors = [Door(http_port) for http_port in http_ports]
        self._host, self._requests, self._way = host, requests, way

    def look(self) -> list[Unmet]:
        """What does not hold. Doors that never opened are tried together, once each; then each one alone."""
        closed = [door for door in self.doors if not door.opened]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda door: request_all(door, self._host, 1, self._way), closed))
        for door in self.doors:
            if door.opened and len(door.milliseconds) < self._requests:
                request_all(door, self._host, self._requests, self._way)
        return [door.unmet for door in self.doors if door.unmet]


def ingress(env: Mapping[str, str], _folder: Path) -> dict[str, Any]:
    """Waits until every door has answered as it should, in a row; its figures."""
    ask = asked(env)
    http_ports = [_http_port(entry) for entry in ask["targets"]]
    way = Way(bool(ask.get("proxy")), ask.get("redirect"))
    requests = int(ask["requests"])
    through = f"HTTPS port, where its HTTP port sends with {way.redirect}" if way.redirect else "HTTP port"
    needed = f"{requests} times in a row status 200 from the demo (Host: {ask['host']}) through every node's {through}"
    promise = Promise("ingress", needed)
    if not http_ports:
        raise HelperError(failure(promise, [Unmet("no node has a port for HTTP from outside", FIX_NO_DOOR)]))
    doors = Doors(http_ports, ask["host"], requests, way)
    waited = until_kept(promise, seconds(env), doors.look)
    times = [value for door in doors.doors for value in door.milliseconds]
    return {
        "nodes": len(http_ports),
        "host": ask["host"],
        "urls": [http_port.https_url if way.redirect else http_port.url for http_port in http_ports],
        "requests": len(times),
        "failures": sum(door.failures for door in doors.doors),
        "p50_ms": percentile(times, 0.50),
        "p99_ms": percentile(times, 0.99),
        "pods": len(set().union(*(door.pods for door in doors.doors))),
        "waited_seconds": waited,
        **({"redirect": way.redirect} if way.redirect else {}),
    }


def _http_port(entry: Mapping[str, Any]) -> HttpPort:
    https_port = entry.get("https_port")
    return HttpPort(
        entry["name"], entry["address"], int(entry["port"]), None if https_port is None else int(https_port)
    )
