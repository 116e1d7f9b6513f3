"""A node's proxy by the real HAProxy, before servers with TLS that answer /readyz as the API does.

Who gets connections, and what becomes of them when a server dies, is not ready, or falls silent.
"""

from __future__ import annotations

import datetime
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fjordkube.host import api_proxy
from fjordkube.settings import API_PORT, API_PROXY_ADDRESS, API_PROXY_PORT
from fjordkube.timing import ApiProxyTiming
from tests.golden.bootstrap_cluster import node

HAPROXY = shutil.which("haproxy") or ""
pytestmark = pytest.mark.skipif(not HAPROXY, reason="no haproxy here")

HOST = "api.fjord.internal"
QUICK = ApiProxyTiming(every=1, doubted=1, down=1, answer=2)
NODES = {name: node(name, "control-plane", last) for name, last in (("cp1", 11), ("cp2", 12), ("cp3", 13))}
WORKER = node("w1", "worker", 101)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of no authority with its key: the proxy must not mind."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    file = tmp_path_factory.mktemp("identity") / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + made.sign(key, SHA256()).public_bytes(Encoding.PEM)
    )
    return file


class Api:
    """Answers each line with its name, whatever was asked, and /readyz with its state; keeps connections open."""

    def __init__(self, name: str, identity: Path) -> None:
        self.name, self.state, self.hosts = name, "200 OK", set[str]()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(identity)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = self._socket.accept()
                self._open.append(accepted)
                threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        with suppress(OSError), self._context.wrap_socket(accepted, server_side=True) as talk:
            self._open.append(talk)
            asked = b""
            while part := talk.recv(4096):
                asked += part
                if asked.startswith(b"GET /readyz ") and asked.endswith(b"\r\n\r\n"):
                    self.hosts |= {line for line in asked.decode().splitlines() if line.lower().startswith("host:")}
                    talk.sendall(f"HTTP/1.1 {self.state}\r\nContent-Length: 0\r\n\r\n".encode())
                    return
                if asked.endswith(b"\n") and not asked.startswith(b"GET"):
                    talk.sendall(f"{self.name}\n".encode())
                    asked = b""

    def die(self) -> None:
        """As a process that is killed: the port is closed, and so is every connection."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class Client:
    """One connection through the proxy; its certificate is the server's, so TLS is not the proxy's."""

    def __init__(self, port: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._talk = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10))

    def ask(self) -> str:
        """Who answers; empty when the connection has ended."""
        try:
            self._talk.sendall(b"who\n")
            return self._talk.recv(100).decode().strip()
        except OSError:
            return ""


class Proxy:
    """HAProxy as the unit starts it."""

    def __init__(self, folder: Path) -> None:
        self.file, self.log = folder / "api-proxy.cfg", folder / "log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])

    def told(self, of: str, apis: list[Api]) -> None:
        """Its file as that node gets it, with free ports in place of the API's and its own."""
        planes = [NODES[api.name] for api in apis]
        text = api_proxy.configuration(NODES.get(of, WORKER), planes, HOST, QUICK)
        text = text.replace(f"{API_PROXY_ADDRESS}:{API_PROXY_PORT}", f"127.0.0.1:{self.port}")
        for api in apis:
            text = text.replace(f"{NODES[api.name].address}:{API_PORT}", f"127.0.0.1:{api.port}")
        self.file.write_text(text)
        checked = subprocess.run([HAPROXY, "-c", "-f", self.file], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        assert "WARNING" not in checked.stderr

    def start(self) -> None:
        self.process = subprocess.Popen(
            [HAPROXY, "-Ws", "-f", self.file], stdout=self.log.open("w"), stderr=subprocess.STDOUT
        )
        until(self._listens)

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def reload(self) -> None:
        self.process.send_signal(signal.SIGUSR2)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def answers(self, times: int = 1) -> list[str]:
        """Who answers on new connections, one after the other."""
        found = []
        for _ in range(times):
            try:
                found.append(Client(self.port).ask())
            except OSError:
                found.append("")
        return found


def until(true: Callable[[], bool], limit: float = 20) -> float:
    """Seconds that it took."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() - start < limit, "not in time"
        time.sleep(0.05)
    return time.monotonic() - start


@pytest.fixture
def apis(identity: Path) -> Iterator[list[Api]]:
    made = [Api(name, identity) for name in NODES]
    yield made
    for api in made:
        api.die()


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    made = Proxy(tmp_path)
    with ExitStack() as stack:
        stack.callback(lambda: made.stop() if hasattr(made, "process") else None)
        yield made


def running(proxy: Proxy, of: str, apis: list[Api]) -> None:
    """Started, and every server found ready or not."""
    proxy.told(of, apis)
    proxy.start()
    until(lambda: all(api.hosts for api in apis))


def test_a_server_that_dies_fails_no_new_connection(proxy: Proxy, apis: list[Api]) -> None:
    running(proxy, "w1", apis)
    assert set(proxy.answers(40)) == {"cp1", "cp2", "cp3"}
    apis[0].die()
    assert set(proxy.answers(40)) == {"cp2", "cp3"}
    # of two at once a connection could meet both in turn, as often as it is tried
    until(lambda: "Server ready/cp1 is DOWN" in proxy.log.read_text())
    apis[1].die()
    assert set(proxy.answers(20)) == {"cp3"}
    # whom the question was meant for: an API server may know itself by it
    assert apis[2].hosts == {f"host: {HOST}"} or apis[2].hosts == {f"Host: {HOST}"}


def test_a_control_plane_asks_its_own_api_and_at_once_others_when_that_dies(proxy: Proxy, apis: list[Api]) -> None:
    running(proxy, "cp2", apis)
    assert proxy.answers(30).count("cp2") > 25
    apis[1].die()
    assert set(proxy.answers(30)) == {"cp1", "cp3"}


def test_a_server_that_is_not_ready_is_left_and_asked_again_when_it_is(proxy: Proxy, apis: list[Api]) -> None:
    running(proxy, "cp1", apis[:2])
    held = Client(proxy.port)
    assert held.ask() == "cp1"
    apis[0].state = "500 Internal Server Error"
    # a watch would hang there for ever
    until(lambda: held.ask() == "")
    assert set(proxy.answers(10)) == {"cp2"}
    apis[0].state = "200 OK"
    assert until(lambda: proxy.answers() == ["cp1"]) < 5
    assert "Server ready/cp1 is DOWN" in proxy.log.read_text()


def test_where_none_is_ready_the_way_stays_open(proxy: Proxy, apis: list[Api]) -> None:
    """While the first one starts, and where all are too slow for the question."""
    for api in apis:
        api.state = "500 Internal Server Error"
    running(proxy, "cp1", apis)
    until(lambda: "backend 'ready' has no server available" in proxy.log.read_text())
    assert proxy.answers(20).count("cp1") > 15
    apis[0].die()
    assert set(proxy.answers(20)) == {"cp2", "cp3"}


def test_a_lone_control_plane_is_not_asked_how_it_is(proxy: Proxy, apis: list[Api]) -> None:
    apis[0].state = "500 Internal Server Error"
    proxy.told("cp1", apis[:1])
    proxy.start()
    held = Client(proxy.port)
    time.sleep(2.5)
    assert held.ask() == "cp1"
    assert proxy.answers() == ["cp1"]
    assert apis[0].hosts == set()


def test_a_machine_that_falls_silent_costs_a_connection_two_seconds(proxy: Proxy, apis: list[Api]) -> None:
    running(proxy, "cp1", apis[:2])
    apis[0].die()
    # the kernel answers no one who asks for a connection where nobody takes them
    with socket.socket() as silent, ExitStack() as waiting:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        silent.bind(("127.0.0.1", apis[0].port))
        silent.listen(0)
        for _ in range(3):
            each = waiting.enter_context(socket.socket())
            each.setblocking(False)
            with suppress(BlockingIOError):
                each.connect(("127.0.0.1", apis[0].port))
        start = time.monotonic()
        assert proxy.answers() == ["cp2"]
        assert time.monotonic() - start < 5
        until(lambda: "Server ready/cp1 is DOWN" in proxy.log.read_text())
        start = time.monotonic()
        assert set(proxy.answers(10)) == {"cp2"}
        assert time.monotonic() - start < 2


def test_a_reload_takes_over_another_list_and_cuts_nothing(proxy: Proxy, apis: list[Api]) -> None:
    proxy.told("w1", apis[:1])
    proxy.start()
    held = Client(proxy.port)
    assert held.ask() == "cp1"
    proxy.told("w1", apis)
    proxy.reload()
    answered = []

    def all_answer() -> bool:
        answered.extend(proxy.answers(10))
        return {"cp1", "cp2", "cp3"} <= set(answered)

    until(all_answer)
    assert "" not in answered
    assert held.ask() == "cp1"
    proxy.told("w1", apis[1:2])
    proxy.reload()
    until(lambda: set(proxy.answers(10)) == {"cp2"})
    assert held.ask() == "cp1"
