"""A pretence of an API server for unit tests: it stores objects and can be told to fail.

Owns just enough of the API for the provider's own logic (discovery, POST, apply as a merge, DELETE). Leaves real
server-side apply, validation and status to tests/conformance, where a real kube-apiserver answers.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

RESOURCES = {
    "/api/v1": [("configmaps", True, "ConfigMap"), ("namespaces", False, "Namespace"), ("secrets", True, "Secret")],
    "/apis/apps/v1": [("deployments", True, "Deployment"), ("deployments/status", True, "Deployment")],
}


class FakeApi:
    """Serves on loopback until closed."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.failures: list[tuple[int, dict[str, Any]]] = []
        """Answers to give first, one per request."""
        self.lost: list[int] = []
        """Codes to answer to the first writes, which are carried out all the same."""
        self.resources = {path: list(entries) for path, entries in RESOURCES.items()}
        self.on_write: Callable[[dict[str, Any]], None] = lambda _: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def kubeconfig(self) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self._server.server_port}"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": "t0ken"}}],
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, target: str, body: Any) -> tuple[int, dict[str, Any]]:
        """Status and body for a request."""
        parts = urlsplit(target)
        path, query = parts.path, parse_qs(parts.query)
        self.requests.append((method, target))
        if self.failures:
            return self.failures.pop(0)
        if path == "/version":
            return 200, {"gitVersion": "v0-fake"}
        if path in self.resources:
            listed = [{"name": n, "namespaced": s, "kind": k} for n, s, k in self.resources[path]]
            return 200, {"resources": listed}
        if self.lost and method == "POST":
            self._stored(f"{path}/{body['metadata']['name']}", body, query)
            return self.lost.pop(0), {}
        if method == "POST":
            path = f"{path}/{body['metadata']['name']}"
            if path in self.objects:
                return 409, {"reason": "AlreadyExists", "message": "already exists"}
            return 201, self._stored(path, body, query)
        if method == "PATCH":
            merged = _merge(self.objects.get(path, {}), body) if isinstance(body, dict) else self.objects[path]
            return 200, self._stored(path, merged, query)
        if path not in self.objects:
            return 404, {"reason": "NotFound", "message": f"{path} not found"}
        if method == "DELETE":
            return 200, self.objects.pop(path)
        return 200, self.objects[path]

    def _stored(self, path: str, body: dict[str, Any], query: dict[str, list[str]]) -> dict[str, Any]:
        live: dict[str, Any] = json.loads(json.dumps(body))
        if "/namespaces/" in path:
            live["metadata"].setdefault("namespace", path.split("/namespaces/")[1].split("/")[0])
        live["metadata"].setdefault("uid", f"uid-{len(self.requests)}")
        live["metadata"].setdefault("resourceVersion", "1")
        live["metadata"].setdefault("creationTimestamp", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        manager = query.get("fieldManager", ["m"])[0]
        live["metadata"].setdefault("managedFields", [{"manager": manager, "operation": "Update", "fieldsV1": {}}])
        self.on_write(live)
        if "dryRun" not in query:
            self.objects[path] = live
        return live

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                if self.headers.get("Authorization") != "Bearer t0ken":
                    status, result = 401, {"reason": "Unauthorized", "message": "no token"}
                else:
                    status, result = api.answer(self.command, self.path, body)
                if status == 0:  # a broken connection
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                data = json.dumps(result).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

            def log_message(self, format: str, *args: Any) -> None:
                return

        return Handler


def _merge(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merge(old.get(key), value) for key, value in new.items()}}
    return new
