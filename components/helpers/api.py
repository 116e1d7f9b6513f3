"""The Kubernetes API over one kept connection, with the administrator's certificate.

Owns reaching it and trying again. Leaves what is asked to the verbs, and keeping a collection up to date to watched.py.
One connection, because a TLS handshake costs an emulated control plane tenths of a second; hence for one thread only.
"""

from __future__ import annotations

import base64
import calendar
import contextlib
import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from .errors import HelperError
from .log import log

IDLE_SECONDS = 20
"""A connection unused for longer is made anew: the server may be about to close it."""

RETRY_PAUSE = 2.0
"""Seconds before an unreachable or overloaded API is asked again."""

NEAR_DAYS = 30
"""Days before its end at which the administrator's certificate is told; kubeadm's live for a year."""

RENEW = (
    "on each control plane 'kubeadm certs renew all', and move /etc/kubernetes/manifests away for 20 s, so that its "
    "parts start anew"
)

REFRESH = (
    f"{RENEW}; then let the steps that read it run again: pulumi up --replace with the URNs of <cluster>-api and "
    "<cluster>-addons"
)

X509_HAS_EXPIRED = 10
"""OpenSSL's verify code (x509_vfy.h)."""

BUSY = (429, 500, 503, 504)


class Api:
    """A few requests to the API server that a kubeconfig names."""

    def __init__(self, kubeconfig: str, folder: Path, timeout: float = 60) -> None:
        """`folder` is private to this process: the client's key passes through it. HelperError for no kubeconfig."""

        def value(key: str) -> str:
            found = re.search(rf"^[ \t]*{key}:[ \t]*(\S+)[ \t]*$", kubeconfig, re.MULTILINE)
            if not found:
                raise HelperError(f"the kubeconfig has no {key}")
            return found[1]

        def decoded(key: str) -> str:
            return base64.b64decode(value(key)).decode()

        server = urlsplit(value("server"))
        self.host, self.port = server.hostname or "", server.port or 443
        self.ca = decoded("certificate-authority-data")
        self.timeout = timeout
        self._context = ssl.create_default_context(cadata=self.ca)
        _judge(decoded("client-certificate-data"))
        identity = folder / "identity.pem"  # ssl reads a client's key from a file only; the folder is 0700 and ours
        identity.touch(mode=0o600)
        identity.write_text(decoded("client-certificate-data") + "\n" + decoded("client-key-data"))
        self._context.load_cert_chain(identity)
        identity.unlink()
        self._connection: http.client.HTTPSConnection | None = None
        self._used = 0.0

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        attempts: int = 5,
        accept: str = "application/json",
    ) -> tuple[int, dict[str, Any]]:
        """Status code and decoded answer; OSError when the API could not be reached `attempts` times."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Content-Type": kind, "Accept": accept}
        text = json.dumps(body) if body is not None else None
        attempt = 1
        while True:
            connection, kept = self._connected()
            try:
                connection.request(method, path, body=text, headers=headers)
                response = connection.getresponse()
                content = response.read()
            except ssl.SSLCertVerificationError as error:
                self.close()
                if error.verify_code == X509_HAS_EXPIRED:
                    raise HelperError(
                        f"the API at {self.host}:{self.port} has a certificate that ended; {RENEW}"
                    ) from None
                raise HelperError(f"the API at {self.host}:{self.port} is not this cluster's: {error}") from None
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if kept:  # it may have been closed at the other end since: no fault of the API's
                    continue
                if attempt >= attempts:
                    raise OSError(f"the API at {self.host}:{self.port} does not answer: {error}") from error
            else:
                self._used = time.monotonic()
                if response.status not in BUSY or attempt >= attempts:
                    return response.status, as_object(content)
            attempt += 1
            time.sleep(RETRY_PAUSE)

    def get(self, path: str, attempts: int = 2) -> dict[str, Any] | None:
        """What is at `path`, None where nothing is; OSError when the API does not answer, or answers an error."""
        code, answer = self.request("GET", path, attempts=attempts)
        if code == 404:
            return None
        if code != 200:
            raise OSError(f"the API answers {code} when asked for {path}: {answer.get('message', '')}")
        return answer

    def watch(self, path: str, version: str, seconds: int) -> Iterator[dict[str, Any]]:
        """Each change of the collection at `path` since `version`, as it happens, for so many seconds.

        OSError when the API does not answer or breaks off. Until it has ended, the connection serves nothing else.
        """
        mark = "&" if "?" in path else "?"
        target = f"{path}{mark}watch=1&resourceVersion={quote(version)}&timeoutSeconds={seconds}"
        connection, _ = self._connected(seconds + self.timeout)
        whole = False
        try:
            connection.request("GET", target, headers={"Accept": "application/json"})
            response = connection.getresponse()
            if response.status != 200:
                raise OSError(f"the API answers {response.status} when asked to tell of {path}")
            while line := response.readline():
                yield as_object(line)
            whole = True
        except http.client.HTTPException as error:
            raise OSError(f"the API at {self.host}:{self.port} broke off: {error}") from error
        finally:
            self._used = time.monotonic()
            if not whole:
                self.close()

    def abort(self) -> None:
        """Breaks the connection off under a thread that waits for an answer."""
        opened = self._connection.sock if self._connection else None
        if opened:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    def node_exists(self, name: str) -> bool:
        code, _ = self.request("GET", f"/api/v1/nodes/{quote(name)}")
        if code not in (200, 404):
            raise HelperError(f"the API answers {code} when asked for node {name}")
        return code == 200

    def delete(self, path: str) -> None:
        code, _ = self.request("DELETE", path)
        if code not in (200, 202, 404):
            raise HelperError(f"the API answers {code} to the deletion of {path}")

    def close(self) -> None:
        """Ends the connection; the next request makes another."""
        if self._connection:
            with contextlib.suppress(OSError):
                self._connection.close()
        self._connection = None

    def _connected(self, timeout: float | None = None) -> tuple[http.client.HTTPSConnection, bool]:
        """The connection, and whether it has served before; `timeout` of one answer in place of the usual one."""
        if self._connection and time.monotonic() - self._used > IDLE_SECONDS:
            self.close()
        kept = self._connection is not None and self._connection.sock is not None
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(self.host, self.port, context=self._context)
        self._connection.timeout = timeout or self.timeout
        if self._connection.sock:
            self._connection.sock.settimeout(self._connection.timeout)
        return self._connection, kept


def _judge(certificate: str) -> None:
    """HelperError for a certificate that ended, since the API would answer 401; one near its end is logged."""
    end = ends(certificate)
    if end is None:
        return
    day, left = time.strftime("%Y-%m-%d", time.gmtime(end)), (end - time.time()) / 86400
    if left < 0:
        raise HelperError(f"the administrator's certificate in the kubeconfig ended on {day}; {REFRESH}")
    if left < NEAR_DAYS:
        log(f"the administrator's certificate in the kubeconfig ends on {day}; {REFRESH}")


def ends(certificate: str) -> float | None:
    """When a certificate's validity ends, seconds since the epoch; None where its text has no two dates in a row.

    `certificate`: PEM; of several, the first. The standard library reads no certificate that it has not just checked.
    """
    found = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", certificate, re.DOTALL)
    try:
        encoded = base64.b64decode(found[1]) if found else b""
    except ValueError:
        return None
    # Validity (RFC 5280, 4.1.2.5): two times, each UTCTime (of two digits' years) or GeneralizedTime
    times = re.search(rb"(?:\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z)(?:\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z)", encoded)
    if not times:
        return None
    text = (times[4] or (b"20" + times[3])).decode()
    return float(calendar.timegm(time.strptime(text, "%Y%m%d%H%M%S")))


def as_object(content: bytes) -> dict[str, Any]:
    """A JSON object; empty where the text is none."""
    try:
        decoded = json.loads(content)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}
