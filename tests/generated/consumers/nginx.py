"""The real ingress controller, in the file system of its image, beside a real API server: what its nginx says.

Owns running it and asking it about one ConfigMap after the other. The controller reads the ConfigMap and the Ingress
from the API, renders its own template and runs `nginx -t` on the result, in its image's nginx with all modules; a value
that it does not understand it only logs and replaces, which counts as refused here. What is not real: nginx is tested
and never started or reloaded (worker-processes may be 512), so that what the controller tells its Lua goes nowhere; and
the ports that it listens on are free ones of this machine, because other nginx or webhooks may run here: of the
settings' ports only their range is checked.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

from fjordkube.ingress import controller
from fjordkube.ingress.access import NAMESPACE
from fjordkube.objects import Object
from offline import manifest, recipes
from tests.conformance.api_server import ApiServer
from tests.generated.consumers.api import REAL, Judge

PATIENCE = 60
"""Seconds for one answer, or for the controller to start; usually well under one."""

PORTS = ("http", "https", "healthz", "status", "stream", "default-server", "profiler")

TESTER = """\
#!/bin/sh
# The controller's nginx: -t is the real one's, of which the answer is kept; all else is not done.
case "$*" in
  *-t)
    # one file, renamed into place: the controller asks again while the answer is read
    /usr/bin/nginx "$@" >/answers/said.$$ 2>&1 && code=0 || code=$?
    { echo "$code"; cat /answers/said.$$; printf '\n# answer ends\n'; cat "$2"; } >/answers/new.$$
    mv /answers/new.$$ /answers/answer
    cat /answers/said.$$
    rm -f /answers/said.$$
    exit "$code" ;;
  *reload) exit 0 ;;
esac
exec sleep infinity
"""
INSIDE = """\
mount -t proc proc "$1/proc"
mount --bind /dev "$1/dev"
mount --rbind /sys "$1/sys"
root=$1
shift
exec chroot "$root" "$@"
"""
COMPLAINT = re.compile(r"^[WEF]\d{4} .*", re.MULTILINE)
QUIET = re.compile(
    r"InClusterConfig|Neither --kubeconfig|Update of Ingress status|does not have any active E|Error getting node|"
    r"was not initialized|loading TLS|Endpoints? for Service|GeoLite2|GeoIP2"
)
"""Of this set-up, not of a ConfigMap."""


class _Lua(BaseHTTPRequestHandler):
    """In the place of nginx's own Lua, which the controller tells pods and certificates."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(201)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Stream(BaseRequestHandler):
    """The same for streams: it takes everything and says nothing."""

    def handle(self) -> None:
        while self.request.recv(65536):
            pass


def unpacked(folder: Path) -> Path:
    """The image's file system."""
    with tarfile.open(recipes.archive(manifest.load(), "ingress-nginx-controller")) as archive:

        def blob(digest: str) -> bytes:
            file = archive.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}")
            assert file is not None
            return file.read()

        index = archive.extractfile("index.json")
        assert index is not None
        image = json.loads(blob(json.load(index)["manifests"][0]["digest"]))
        for layer in image["layers"]:
            (folder / "layer.tar").write_bytes(blob(layer["digest"]))
            (folder / "root").mkdir(exist_ok=True)
            subprocess.run(["tar", "-xf", folder / "layer.tar", "-C", folder / "root"], check=True)
    return folder / "root"


@dataclass
class Nginx:
    """A controller that runs."""

    judge: Judge
    root: Path
    log: Path
    number: int = 0

    def refused(self, data: Mapping[str, str], ingress: Object | None) -> str:
        """What controller or nginx say against a ConfigMap's data, with that Ingress; empty where they take it."""
        start = self.log.stat().st_size
        name = ""
        if ingress is not None:
            assert not self.judge.apply(ingress, REAL)
            name = f"server_name {ingress['spec']['rules'][0]['host']} ;"
            # before the ConfigMap: of an Ingress that changes at the same time, the controller may keep the older one
            # for ever (its ConfigMap's handler reads every Ingress and writes it back)
            self._answer(name)
        self.number += 1
        # a comment, by which the answer is told from those before
        mark = f"# case {self.number} of the test"
        metadata = {"name": controller.CONTROLLER, "namespace": NAMESPACE}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {**data, "main-snippet": mark}}
        assert not self.judge.apply(body, REAL)
        said = self._answer(name, f"{mark}\n")
        logged = [line for line in COMPLAINT.findall(self.log.read_text()[start:]) if not QUIET.search(line)]
        return "\n".join([*([said] if said else []), *logged])

    def _answer(self, *wanted: str) -> str:
        """What nginx said of the first configuration that has all that is wanted."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError, ValueError):
                told, _, config = (self.root / "answers/answer").read_text().partition("\n# answer ends\n")
                code, _, text = told.partition("\n")
                if all(text in config for text in wanted):
                    return text if int(code) or "[warn]" in text or "[emerg]" in text else ""
            time.sleep(0.02)
        raise TimeoutError(f"{wanted}: no answer\n{self.log.read_text()[-3000:]}")


@contextlib.contextmanager
def running(folder: Path, api: ApiServer, objects: list[Object]) -> Iterator[Nginx]:
    """The controller with a pod of its own in the API and those objects of its surroundings."""
    root, judge, log = unpacked(folder), Judge(api), folder / "controller.log"
    (root / "answers").mkdir(mode=0o777)
    tester = root / "usr/bin/nginx-tester"
    tester.write_text(TESTER)
    tester.chmod(0o755)
    (root / "kubeconfig").write_text(json.dumps(api.kubeconfig))
    metadata = {"name": "controller", "namespace": NAMESPACE, "labels": controller.LABELS}
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    pod["spec"] = {"containers": [{"name": "controller", "image": "x"}]}
    for body in [*objects, pod]:
        assert not (told := judge.apply(body, REAL)), told
    held = dict(zip(PORTS, _held(len(PORTS)), strict=True))
    flags = [f"--{name}-port={port.getsockname()[1]}" for name, port in held.items()]
    flags += [f"--configmap={NAMESPACE}/{controller.CONTROLLER}", "--kubeconfig=/kubeconfig", "--update-status=false"]
    flags += [f"--controller-class={controller.CONTROLLER_CLASS}", f"--ingress-class={controller.CLASS}"]
    flags += ["--sync-rate-limit=1000", "--disable-leader-election=true", "--enable-metrics=false"]
    environment = {
        "PATH": "/usr/bin:/usr/sbin:/bin:/sbin",
        "NGINX_BINARY": "/usr/bin/nginx-tester",
        "POD_NAME": "controller",
        "POD_NAMESPACE": NAMESPACE,
    }
    words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "controller", str(root)]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*words, "/nginx-ingress-controller", *flags],
            env=environment | {"HOME": os.environ.get("HOME", "/")},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with _lua(held["status"], _Lua, log), _lua(held["stream"], _Stream, log):
            yield Nginx(judge, root, log)
    finally:
        for port in held.values():
            port.close()
        # with it, all of its process namespace ends
        process.kill()
        process.wait()


def _held(count: int) -> list[socket.socket]:
    """Different free ports, below those that the kernel gives to connections, each bound and not yet listened at.

    A port that is only bound can still be tried and taken by others that allow it, as the controller does.
    """
    found: list[socket.socket] = []
    while len(found) < count:
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind(("127.0.0.1", random.randrange(15000, 30000)))
            taken = held.getsockname() in [other.getsockname() for other in found]
        except OSError:
            taken = True
        if taken:
            held.close()
        else:
            found.append(held)
    return found


@contextlib.contextmanager
def _lua(held: socket.socket, handler: type[BaseRequestHandler], log: Path) -> Iterator[None]:
    """Answers at one of nginx's ports, from when the controller has seen that it was free."""
    deadline = time.monotonic() + PATIENCE
    while "Starting NGINX process" not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.05)
    with ThreadingTCPServer(held.getsockname(), handler, bind_and_activate=False) as server:
        server.socket.close()
        server.socket = held
        server.daemon_threads = True
        server.server_activate()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()
