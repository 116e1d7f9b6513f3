"""Waiting for the cluster: until an object is ready, or gone.

Owns the timing of the questions, the deadline, cancellation, and what a failure says: conditions, events, pods. Leaves
what ready means to `readiness.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlencode

from . import objects
from .apply import Writer
from .cluster import ApiError, Cancelled, Cluster, Unreachable
from .objects import Object
from .readiness import complaints, progress, shortfall

DEFAULT_TIMEOUT = 600.0
"""Seconds, as pulumi-kubernetes."""
FIRST_POLL, FACTOR, LONGEST_POLL = 0.5, 1.5, 5.0
EVENTS = 5
"""The newest events that a failure repeats."""
PODS = 3
"""The pods whose trouble a failure repeats."""


class NotReady(Exception):
    """The object exists but did not get there; `reasons` are for the engine, `live` for the state."""

    def __init__(self, live: Object, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.live, self.reasons = live, reasons


def timeout(inputs: Object, given: float) -> float:
    """Seconds to wait: the resource's customTimeouts, else the annotation, else the default."""
    text = objects.annotation(inputs, objects.TIMEOUT)
    return given or (float(text) if text.replace(".", "", 1).isdigit() else DEFAULT_TIMEOUT)


class Waiter:
    """Waits on one cluster."""

    def __init__(self, cluster: Cluster, writer: Writer) -> None:
        self._cluster, self._writer = cluster, writer

    def ready(self, live: Object, seconds: float, status: Callable[[str], None]) -> Object:
        """The object once it is ready. Raises NotReady, with what is known, at the deadline or on final failure."""
        deadline, pause = time.monotonic() + seconds, FIRST_POLL
        while True:
            now = progress(live)
            if now.ready:
                return live
            if now.failed:
                raise NotReady(live, [f"{objects.title(live)} {now.message}", *self._trouble(live)])
            if time.monotonic() > deadline:
                late = f"{objects.title(live)} is not ready after {seconds:.0f} s: {now.message}"
                raise NotReady(live, [late, *self._trouble(live)])
            status(now.message)
            if self._cluster.cancelled.wait(min(pause, max(deadline - time.monotonic(), 0.05))):
                raise NotReady(live, [f"{objects.title(live)}: the wait was cancelled: {now.message}"])
            pause = min(pause * FACTOR, LONGEST_POLL)
            found = self._writer.read(live)
            if found is None:
                raise NotReady(live, [f"{objects.title(live)} was deleted while it was waited for"])
            live = found

    def gone(self, obj: Object, seconds: float, status: Callable[[str], None]) -> None:
        """Return once the object is gone. Raises NotReady at the deadline, Cancelled."""
        deadline, pause = time.monotonic() + seconds, FIRST_POLL
        uid = objects.metadata(obj).get("uid")
        while (live := self._writer.read(obj)) is not None:
            if uid and objects.metadata(live).get("uid") != uid:
                return
            finalizers = ", ".join(objects.metadata(live).get("finalizers") or []) or "none"
            if time.monotonic() > deadline:
                reasons = [f"{objects.title(live)} is still there after {seconds:.0f} s; finalizers: {finalizers}"]
                raise NotReady(live, [*reasons, *complaints(live)])
            status(f"waiting for the deletion; finalizers: {finalizers}")
            if self._cluster.cancelled.wait(pause):
                raise Cancelled(f"{objects.title(obj)}: the wait for its deletion was cancelled")
            pause = min(pause * FACTOR, LONGEST_POLL)

    def _trouble(self, live: Object) -> list[str]:
        """Conditions, events and the state of its pods; as much as the server tells."""
        lines = shortfall(live) + complaints(live)
        try:
            lines += self._events(live)
            labels = ((live.get("spec") or {}).get("selector") or {}).get("matchLabels")
            if labels:
                lines += self._pods(live, labels)
        except (ApiError, Unreachable, Cancelled) as error:
            lines.append(f"(events could not be read: {error})")
        return lines

    def _events(self, live: Object) -> list[str]:
        fields = f"involvedObject.uid={objects.metadata(live).get('uid', '')}"
        query = urlencode({"fieldSelector": fields})
        namespace = objects.namespace(live) or "default"
        found = self._cluster.get(f"/api/v1/namespaces/{namespace}/events?{query}").get("items") or []
        found.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
        return [f"event {event.get('reason', '')}: {event.get('message', '')}" for event in found[-EVENTS:]]

    def _pods(self, live: Object, labels: dict[str, str]) -> list[str]:
        query = urlencode({"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())})
        path = f"/api/v1/namespaces/{objects.namespace(live) or 'default'}/pods?{query}"
        pods = self._cluster.get(path).get("items") or []
        unready = [{**pod, "kind": "Pod", "apiVersion": "v1"} for pod in pods]
        unready = [pod for pod in unready if not progress(pod).ready]
        return [f"pod {objects.name(pod)}: {line}" for pod in unready[:PODS] for line in complaints(pod)]
