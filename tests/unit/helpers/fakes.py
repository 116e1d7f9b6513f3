"""What the helper talks to, pretended: an HTTPS API, an ssh, and nodes behind it.

Owns just enough of each for the helper's verbs, which run as Pulumi runs them: by path, in a process of their own.
Leaves real ones to tests/e2e. A node is a tests/scripts Machine: a folder as root and stand-ins for programs.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fjordkube.roots import CHECKOUT
from tests.scripts.machine import Machine


@dataclass
class FakeApi:
    """What the API holds and what it was asked."""

    folder: Path
    nodes: set[str] = field(default_factory=set)
    secrets: dict[str, Any] = field(default_factory=dict)
    pods: list[dict[str, Any]] = field(default_factory=list)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Answers to GET by path, without its query; a watch of a list there tells what changes in it."""
    listed: dict[str, dict[str, str]] = field(default_factory=dict)
    """Items by name, as the last list of each path told them: a watch goes on from there."""
    annotations: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of nodes, by name."""
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of nodes, by name."""
    taints: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """Of nodes, by name."""
    conflicts: int = 0
    """How many more times somebody else writes a node between a look at it and a write that insists on that look."""
    asked: list[str] = field(default_factory=list)
    refuse_evictions: bool = False
    connections: int = 0
    keep: bool = True
    """Whether a connection serves more than one request."""
    broken: threading.Event = field(default_factory=threading.Event)
    """Ends the next look of each watch, in the middle of an answer."""
    port: int = 0

    def changes(self, target: str) -> Iterator[dict[str, Any]]:
        """What a watch is told, until its time is over."""
        path, _, query = target.partition("?")
        self.asked.append(f"WATCH {path}")
        told = self.listed[path]
        end = time.monotonic() + int(parse_qs(query)["timeoutSeconds"][0])
        while time.monotonic() < end and not self.broken.is_set():
            now = self._items(path)
            for name in told.keys() - now.keys():
                yield {"type": "DELETED", "object": json.loads(told[name])}
            for name, item in now.items():
                if told.get(name) != item:
                    yield {"type": "MODIFIED" if name in told else "ADDED", "object": json.loads(item)}
            told = now
            time.sleep(0.01)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        path, _, _ = path.partition("?")
        self.asked.append(f"{method} {path}")
        name = path.rsplit("/", 1)[-1]
        if path in self.objects:
            self.listed[path] = self._items(path)
            return 200, self.objects[path]
        if path.startswith("/api/v1/nodes/"):
            if name not in self.nodes:
                return 404, {}
            if method == "DELETE":
                self.nodes.discard(name)
            if method == "PATCH":
                return self._patch_node(name, body)
            return 200, self.node(name)
        if path.endswith("/secrets"):
            self.secrets[body["metadata"]["name"]] = body
            return 201, body
        if "/secrets/" in path:
            return (200, {}) if self.secrets.pop(name, None) else (404, {})
        if path == "/api/v1/pods":
            return 200, {"items": self.pods}
        if path.endswith("/eviction"):
            if self.refuse_evictions:
                return 429, {}
            self.pods = [pod for pod in self.pods if pod["metadata"]["name"] != path.split("/")[-2]]
            return 201, {}
        return (200, {}) if path == "/readyz" or method != "GET" else (404, {})

    def _items(self, path: str) -> dict[str, str]:
        items = self.objects[path].get("items", [])
        return {item.get("metadata", {}).get("name", ""): json.dumps(item) for item in items}

    def node(self, name: str) -> dict[str, Any]:
        """The Node as the API has it."""
        metadata = {"labels": self.labels.get(name, {}), "annotations": self.annotations.get(name, {})}
        spec = {"taints": self.taints[name]} if self.taints.get(name) else {}
        return {"metadata": {"name": name, "resourceVersion": str(self.conflicts), **metadata}, "spec": spec}

    def _patch_node(self, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        metadata = body.get("metadata", {})
        if "resourceVersion" in metadata and self.conflicts:
            self.conflicts -= 1
            return 409, {"message": "the object has been modified"}
        for held, key in ((self.annotations, "annotations"), (self.labels, "labels")):
            for entry, value in metadata.get(key, {}).items():
                held.setdefault(name, {})[entry] = value
                if value is None:
                    del held[name][entry]
        if "taints" in body.get("spec", {}):
            self.taints[name] = body["spec"]["taints"]
        return 200, self.node(name)

    def kubeconfig(self, port: int | None = None) -> str:
        def encoded(name: str) -> str:
            return base64.b64encode((self.folder / name).read_bytes()).decode()

        return (
            f"clusters:\n- cluster:\n    certificate-authority-data: {encoded('ca.pem')}\n"
            f"    server: https://127.0.0.1:{port or self.port}\nusers:\n- user:\n"
            f"    client-certificate-data: {encoded('ca.pem')}\n    client-key-data: {encoded('key.pem')}\n"
        )


def joins(api: FakeApi) -> None:
    """From now on a node is known as soon as a token was made for it."""
    plain = api.answer

    def answer(method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        if path.endswith("/secrets"):
            api.nodes.add("w1")
        return plain(method, path, body)

    api.answer = answer  # type: ignore[method-assign]


def make_certificate(folder: Path) -> None:
    """ca.pem and key.pem for 127.0.0.1."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(folder / "key.pem")]
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *key, "-days", "90", *names, "-out", str(folder / "ca.pem")]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def serving(fake: FakeApi) -> Iterator[FakeApi]:
    """`fake` behind HTTPS on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            fake.connections += 1
            super().setup()

        def handle_all(self) -> None:
            if "watch=1" in self.path:
                self._tell(fake.changes(self.path))
                return
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length)
            code, answer = fake.answer(self.command, self.path, json.loads(content) if content else None)
            text = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            self.close_connection = not fake.keep

        do_GET = do_POST = do_DELETE = do_PATCH = handle_all

        def _tell(self, changes: Iterator[dict[str, Any]]) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            with contextlib.suppress(OSError):  # nobody listens any more
                for change in changes:
                    line = json.dumps(change) + "\n"
                    self.wfile.write(f"{len(line):x}\r\n{line}\r\n".encode())
                if not fake.broken.is_set():
                    self.wfile.write(b"0\r\n\r\n")
                    return
            fake.broken.clear()
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(fake.folder / "ca.pem", fake.folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    fake.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield fake
    server.shutdown()
    server.server_close()


# The pretended ssh runs what it is sent, as the node that its port names; arguments and the key's mode are noted.
SSH = """#!/bin/bash
printf '%s\\n' "$@" >>"$NOTES/arguments"
key=$(printf '%s\\n' "$@" | grep -A1 '^-i$' | tail -1)
stat -c %a "$key" >"$NOTES/key-mode"
node="$NOTES/$(printf '%s\\n' "$@" | grep -A1 '^-p$' | tail -1)"
if [ -d "$node" ]; then
  export PATH="$node/bin:$PATH" FJORDKUBE_ROOT="$node/root" CALLS="$node/calls"
  exec bash -s
fi
tee -a "$NOTES/stdin" | bash -s
"""


def pretended_ssh(folder: Path) -> dict[str, str]:
    """An environment in which `ssh` is the pretended one; it keeps its notes in `folder`."""
    ssh = folder / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    return {"PATH": f"{ssh.parent}:{os.environ['PATH']}", "NOTES": str(folder)}


def node_machine(folder: Path, port: int) -> Machine:
    """The machine that the pretended ssh enters at `port`."""
    return Machine(folder / str(port))


def run(verb: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The helper as Pulumi would run it, but by this interpreter."""
    with running(verb, environment) as helper:
        stdout, stderr = helper.communicate(timeout=60)
    return subprocess.CompletedProcess(helper.args, helper.returncode, stdout, stderr)


@contextmanager
def running(verb: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The same while it runs; it is ended when it should have ended."""
    command = [sys.executable, "-m", "fjordkube.helpers", verb]
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=dict(environment), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as helper:
        try:
            yield helper
        finally:
            helper.kill()
