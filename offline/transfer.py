"""Requests to other hosts: bounded tries, one clear line for each way to fail, and files by their address.

Owns what is tried again and what a failure says. Proxies and certificates come from the environment, as `requests`
reads it (HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE). Leaves the registries' protocol to registry.py. A message has what
was asked for, never the address that a redirect led to: it may hold a signature.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import requests
from dxf.exceptions import DXFAuthInsecureError, DXFDigestMismatchError, DXFUnauthorizedError

from offline import command
from offline.command import BuildError

TRIES: Final = 4
PAUSE: Final = 1.0
"""Seconds before the second try; doubled before each one more."""

LONGEST_PAUSE: Final = 60.0
"""Seconds; a server that asks for more patience (Retry-After) gets no more."""

SILENCE: Final = 60.0
"""Seconds without a byte after which a connection counts as broken."""

CHUNK: Final = 2**20

T = TypeVar("T")


@dataclass(frozen=True)
class Fault:
    """What a failed try says of the next one."""

    state: str
    fix: str
    passes: bool = False
    """Whether the next try may do better."""
    wait: float = 0.0
    """Seconds that the other end asked for."""


class Unfinished(Exception):
    """The other end gave something that can be gone on with, or begun again; its text says what."""


def persistently(what: str, action: Callable[[], T], login: str) -> T:
    """What `action` gives, tried again while that may help. BuildError `what: state; fix` when it does not.

    `login`: the fix where the other end wants one.
    """
    pause = PAUSE
    for left in reversed(range(TRIES)):
        command.check()
        try:
            return action()
        except (requests.RequestException, DXFUnauthorizedError, DXFAuthInsecureError, DXFDigestMismatchError) as error:
            fault = judged(error, login)
        except Unfinished as error:
            fault = Fault(str(error), _LATER, passes=True)
        except (KeyError, ValueError, UnicodeDecodeError) as error:
            fault = Fault(f"the answer is not a registry's ({type(error).__name__}: {error})", _PROXY)
        if not fault.passes or not left:
            tried = f" ({TRIES} tries)" if fault.passes else ""
            raise BuildError(f"{what}: {fault.state}{tried}; {fault.fix}") from None
        time.sleep(min(max(pause, fault.wait), LONGEST_PAUSE))
        pause *= 2
    raise AssertionError("the last try returns or raises")


_LATER: Final = "run it again, it goes on from here"
_PROXY: Final = "look at what stands between: a proxy, or a page that asks for a login"


def judged(error: Exception, login: str) -> Fault:
    """What a failed request says."""
    if isinstance(error, DXFUnauthorizedError):
        return Fault("wants a login, or another one (401)", login)
    if isinstance(error, DXFAuthInsecureError):
        return Fault("wants a login, and over http everybody would read it", "use https")
    if isinstance(error, DXFDigestMismatchError):
        return Fault(f"came as {error.got}, and {error.expected} was asked for; it was thrown away", _PROXY)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _answered(error.response, login)
    if isinstance(error, requests.exceptions.SSLError):
        fix = "name the certificate that signs it (REQUESTS_CA_BUNDLE; CA_FILE of make mirror)"
        return Fault(f"its certificate is not trusted ({_innermost(error)})", fix)
    if isinstance(error, requests.exceptions.ProxyError):
        return Fault(f"the proxy does not lead there ({_innermost(error)})", "correct HTTPS_PROXY", passes=True)
    if isinstance(error, requests.Timeout):
        return Fault(f"no answer ({_innermost(error)})", _LATER, passes=True)
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return Fault(f"the connection failed or was cut ({_innermost(error)})", _LATER, passes=True)
    return Fault(f"the answer cannot be used ({type(error).__name__})", _PROXY)


def _answered(response: requests.Response, login: str) -> Fault:
    code = response.status_code
    if code in (401, 403):
        return Fault(f"wants a login, or another one ({code})", login)
    if code in (404, 410):
        return Fault(f"is not there ({code})", "correct its name or version")
    said = f"is answered {code} {response.reason or ''}".rstrip()
    if code == 429 or code >= 500:
        return Fault(said, "run it again later, what came is kept", passes=True, wait=_wait(response))
    return Fault(said, _PROXY)


def _wait(response: requests.Response) -> float:
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else 0.0


def _innermost(error: BaseException) -> str:
    """The cause below all that libraries wrapped it in."""
    while below := error.__cause__ or error.__context__:
        error = below
    return str(error) or type(error).__name__


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(url: str, sha256: str, target: Path) -> bool:
    """Puts the file at `target`; a cut download goes on where it ended, in a later run too. False: it was there.

    BuildError names the address and what is wrong.
    """
    if target.exists() and checksum(target) == sha256:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    if not part.exists() or checksum(part) != sha256:
        persistently(url, lambda: _get(url, part), login="files come without one; look at the proxy")
    found = checksum(part)
    if found != sha256:
        part.unlink()
        raise BuildError(f"{url}: SHA-256 {found}, and the list says {sha256}; it was thrown away: {_PROXY}")
    part.replace(target)
    return True


def _get(url: str, part: Path) -> None:
    begin = part.stat().st_size if part.exists() else 0
    # as it is: what a server packs for the way has another length, and cannot be gone on with
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={begin}-"} if begin else {})}
    with requests.get(url, headers=headers, stream=True, timeout=SILENCE) as answer:
        if answer.status_code == 416:
            part.unlink()
            raise Unfinished("what came earlier is not the beginning of it")
        answer.raise_for_status()
        goes_on = re.match(rf"bytes {begin}-", answer.headers.get("Content-Range", "")) and answer.status_code == 206
        with part.open("ab" if begin and goes_on else "wb") as file:
            for chunk in answer.iter_content(CHUNK):
                command.check()
                file.write(chunk)
