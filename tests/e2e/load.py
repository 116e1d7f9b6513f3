"""A load on a cluster while something happens to it: requests through the ingress, writes to the API.

Owns counting what failed and how long nothing succeeded. A write goes to the control planes in turn until one takes it,
as a client does that knows several.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fjordkube.helpers.api import Api
from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.kubeconfig import pointed_at
from tests.e2e import cluster

PAUSE = 0.2
PATH = "/api/v1/namespaces/default/configmaps/load"


@dataclass
class Counted:
    """One kind of request."""

    good: int = 0
    failed: list[str] = field(default_factory=list)
    longest: float = 0.0
    """Seconds between two that succeeded, at most."""
    last: float = field(default_factory=time.monotonic)

    def succeeded(self) -> None:
        now = time.monotonic()
        self.longest, self.last, self.good = max(self.longest, now - self.last), now, self.good + 1


@dataclass
class Load:
    requests: Counted = field(default_factory=Counted)
    writes: Counted = field(default_factory=Counted)

    def __str__(self) -> str:
        ways = {"requests": self.requests, "writes": self.writes}
        return "; ".join(
            f"{one.good} {name}, {len(one.failed)} failed, at most {one.longest:.1f} s without one"
            for name, one in ways.items()
        )


@contextmanager
def load(folder: Path, kubeconfig: str, endpoints: Sequence[str], door: int, host: str) -> Iterator[Load]:
    """Both at work until the block ends. `endpoints`: the API's, host:port; `door`: the ingress's port here."""
    made, over = Load(), threading.Event()
    folder.mkdir(parents=True, exist_ok=True)
    texts = [pointed_at(kubeconfig, endpoint) for endpoint in endpoints]
    first = Api(texts[0], folder)
    first.request("POST", PATH.rpartition("/")[0], {"kind": "ConfigMap", "metadata": {"name": "load"}})

    def ask() -> None:
        while not over.wait(PAUSE):
            try:
                status, _ = cluster.get(door, host)
                made.requests.succeeded() if status == 200 else made.requests.failed.append(str(status))
            except OSError as error:
                made.requests.failed.append(str(error))

    def write() -> None:
        apis = [Api(text, folder, timeout=5) for text in texts]
        at = number = 0
        while not over.wait(PAUSE):
            number += 1
            for _ in apis:
                try:
                    code, _answer = apis[at].request("PATCH", PATH, {"data": {"number": str(number)}}, attempts=1)
                    if code == 200:
                        made.writes.succeeded()
                        break
                    made.writes.failed.append(str(code))
                except (OSError, HelperError) as error:
                    made.writes.failed.append(str(error))
                    apis[at].close()
                at = (at + 1) % len(apis)

    threads = [threading.Thread(target=work, daemon=True) for work in (ask, write)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=60)
