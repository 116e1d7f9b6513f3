"""Requests to one API server, through the official client's connection pool.

Owns TLS and login from a kubeconfig, patience with a slow or starting server, and errors as the API words them.
Imports the official client at the first request (0.4 s): a preview without a cluster never pays. Leaves what is asked
to `discovery.py`, `apply.py` and `waiting.py`.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from .configuration import Configuration

CONNECTIONS = 4
"""Requests at once: more only pile up on an emulated API server (eight clients in a loop stopped one)."""
CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
"""For one try; 60 s is also the API server's own limit for a request."""
PATIENCE = 300.0
"""Seconds of tries in all, for a server that starts, restarts or is overloaded."""
PREVIEW_PATIENCE = 2.0
"""The same in a preview, which must not wait for a cluster."""
DELETE_PATIENCE = 60.0
"""The same before an object is dropped from the state because its cluster is gone: a busy one must not look gone."""
QUICK_READ_SECONDS = 20.0
"""Read timeout while the patience is short."""
FIRST_DELAY, FACTOR, LONGEST_DELAY = 0.5, 1.6, 8.0
BUSY = {429, 502, 503, 504}
UNDONE = {429}
"""Of the answers that are tried again, those before which nothing was done. After any other (etcd took too long, a
gateway lost the answer) the object may be stored."""
INTERNAL_PATIENCE = 60.0
"""Seconds of tries after a 500: etcd was slow (passes) or a webhook fails (does not)."""


class Unreachable(Exception):
    """No API server answered within the patience."""


class Cancelled(Exception):
    """The run was cancelled."""


@dataclass
class ApiError(Exception):
    """An answer that is not a success."""

    code: int
    reason: str
    message: str
    details: Mapping[str, Any]
    ambiguous: bool = False
    """Whether an earlier try of the same request may have done its work, though its answer did not say so."""
    since: float = 0.0
    """Seconds since the first try."""
    date: str = ""
    """The server's own time of the answer (RFC 9110, 5.6.7), empty where it tells none."""

    def __str__(self) -> str:
        return self.message or f"{self.code} {self.reason}"

    @property
    def not_found(self) -> bool:
        return self.code == 404


class Cluster:
    """One API server; safe to use from many threads."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._lock, self._asking = threading.Lock(), threading.Lock()
        self._pool: Any = None
        self._headers: Any = None
        self._host = ""
        self._found: dict[float, str] = {}
        self.cancelled = threading.Event()

    @property
    def known(self) -> bool:
        """Whether it is known yet which cluster this is."""
        return self._configuration.kubeconfig is not None

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | list[Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        patience: float = PATIENCE,
    ) -> Any:
        """The decoded JSON answer. Raises ApiError, Unreachable or Cancelled.

        Tries again, with growing pauses, while the server cannot be reached, is busy, or failed for a passing reason.
        """
        self._connect()
        url = f"{self._host}{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        started, delay, ambiguous = time.monotonic(), FIRST_DELAY, False
        while True:
            elapsed = time.monotonic() - started
            try:
                answer = self._once(method, url, data, content_type, patience)
                if answer.status < 400:
                    return json.loads(answer.data) if answer.data else {}
                error = _api_error(answer, ambiguous, time.monotonic() - started)
                limit = patience if error.code in BUSY else min(patience, INTERNAL_PATIENCE)
                if not (error.code in BUSY or error.code == 500) or elapsed > limit:
                    raise error
                ambiguous = ambiguous or error.code not in UNDONE
            except _transport_errors() as lost:
                ambiguous = True
                if elapsed > patience:
                    raise Unreachable(f"{self._host}: {_reason(lost)}") from lost
            if self.cancelled.wait(delay):
                raise Cancelled("cancelled")
            delay = min(delay * FACTOR, LONGEST_DELAY)

    def get(self, path: str, *, patience: float = PATIENCE) -> dict[str, Any]:
        """GET as an object."""
        answer: dict[str, Any] = self.request("GET", path, patience=patience)
        return answer

    def unreachable(self, patience: float) -> str:
        """Why no server answers, or empty if one does; asked once per patience (seconds) and remembered."""
        if not self.known:
            return "its kubeconfig is not known"
        with self._asking:
            if patience not in self._found:
                try:
                    self.request("GET", "/version", patience=patience)
                    self._found[patience] = ""
                except ApiError:
                    self._found[patience] = ""
                except Unreachable as error:
                    self._found[patience] = str(error)
            return self._found[patience]

    def _once(self, method: str, url: str, data: bytes | None, content_type: str, patience: float) -> Any:
        import urllib3

        read = QUICK_READ_SECONDS if patience <= PREVIEW_PATIENCE else READ_SECONDS
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, patience), read=read)
        headers = {"Accept": "application/json", **self._headers()}
        if data is not None:
            headers["Content-Type"] = content_type
        return self._pool.request(method, url, body=data, headers=headers, timeout=timeout, retries=False)

    def _connect(self) -> None:
        with self._lock:
            if self._pool is not None:
                return
            if self._configuration.kubeconfig is None:
                raise Unreachable("the cluster's kubeconfig is not known")
            from kubernetes import client, config

            settings = client.Configuration()
            config.load_kube_config_from_dict(  # type: ignore[no-untyped-call]
                _without_files(self._configuration.kubeconfig),
                context=self._configuration.context or None,
                client_configuration=settings,
                persist_config=False,
            )
            settings.connection_pool_maxsize = CONNECTIONS
            api = client.ApiClient(settings)
            pool = api.rest_client.pool_manager
            pool.connection_pool_kw["block"] = True

            def headers() -> dict[str, str]:
                login: dict[str, str] = {}
                for entry in settings.auth_settings().values():
                    login[str(entry["key"])] = str(entry["value"])  # type: ignore[index]
                return {**api.default_headers, **login}

            self._host, self._headers, self._pool = settings.host.rstrip("/"), headers, pool


def _transport_errors() -> tuple[type[Exception], ...]:
    import urllib3

    return (urllib3.exceptions.HTTPError, OSError)


def _reason(error: BaseException) -> str:
    text = str(getattr(error, "reason", "") or error)
    return text.rpartition(">: ")[2] or type(error).__name__


def _api_error(answer: Any, ambiguous: bool, since: float) -> ApiError:
    try:
        status = json.loads(answer.data)
    except ValueError:
        status = {"message": answer.data.decode(errors="replace")[:300]}
    return ApiError(
        answer.status,
        status.get("reason", ""),
        status.get("message", ""),
        status.get("details") or {},
        ambiguous,
        since,
        answer.headers.get("Date", ""),
    )


def _without_files(kubeconfig: Mapping[str, Any]) -> dict[str, Any]:
    """The kubeconfig with inline certificates and keys behind file descriptors.

    Python's ssl reads them from paths only, and the official client would write temporary files; anonymous memory
    (memfd_create) has a path under /proc and leaves nothing on a disk, however this process ends.
    """
    config: dict[str, Any] = copy.deepcopy(dict(kubeconfig))
    entries = [entry.get("cluster") or {} for entry in config.get("clusters") or []]
    entries += [entry.get("user") or {} for entry in config.get("users") or []]
    for entry in entries:
        for key in ("certificate-authority", "client-certificate", "client-key"):
            if inline := entry.pop(f"{key}-data", None):
                descriptor = os.memfd_create(key, os.MFD_CLOEXEC)
                os.write(descriptor, base64.b64decode(inline))
                entry[key] = f"/proc/{os.getpid()}/fd/{descriptor}"
    return config
