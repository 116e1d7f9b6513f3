"""Probes of pods by timing: how often the kubelet asks, and how patient it is.

Owns the figures and their shape as YAML. Leaves static pods' probes to `timing.py`. A startup probe asks often until
the first success; after that readiness and liveness ask rarely: under emulation each question costs milliseconds of a
busy core, and idle clusters were seen to use 1.7 host cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fjordkube.timing import TimingName


@dataclass(frozen=True)
class Probe:
    """One probe; all in seconds but `failures`, the number in a row that counts."""

    period: int
    timeout: int
    failures: int

    def around(self, handler: dict[str, Any]) -> dict[str, Any]:
        """The probe as a pod spec has it."""
        return {
            **handler,
            "periodSeconds": self.period,
            "timeoutSeconds": self.timeout,
            "failureThreshold": self.failures,
        }


@dataclass(frozen=True)
class _Set:
    startup: Probe
    readiness: Probe
    liveness: Probe

    def around(self, startup: dict[str, Any], ready: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
        return {
            "startupProbe": self.startup.around(startup),
            "readinessProbe": self.readiness.around(ready),
            "livenessProbe": self.liveness.around(live),
        }


_HTTP: dict[TimingName, _Set] = {
    # 5 min to start; then the periods of Calico's and ingress-nginx's own manifests
    "native": _Set(startup=Probe(2, 5, 150), readiness=Probe(10, 5, 3), liveness=Probe(10, 5, 6)),
    # 20 min to start; a liveness probe that kills a starved program only adds to the load that starved it
    "emulated": _Set(startup=Probe(3, 20, 400), readiness=Probe(20, 20, 3), liveness=Probe(60, 30, 10)),
}

_EXEC: dict[TimingName, _Set] = {
    "native": _Set(startup=Probe(5, 10, 60), readiness=Probe(10, 10, 3), liveness=Probe(10, 10, 6)),
    # every question starts a program of tens of MB inside the guest
    "emulated": _Set(startup=Probe(15, 60, 80), readiness=Probe(60, 60, 3), liveness=Probe(120, 60, 10)),
}


def http_probes(timing: TimingName, port: int | str, ready: str, live: str, host: str | None = None) -> dict[str, Any]:
    """startup-, readiness- and livenessProbe of a container by HTTP GET; `host` only for a node's own loopback."""

    def ask(path: str) -> dict[str, Any]:
        return {"httpGet": {"path": path, "port": port, **({"host": host} if host else {})}}

    return _HTTP[timing].around(ask(ready), ask(ready), ask(live))


def exec_probes(timing: TimingName, ready: list[str], live: list[str]) -> dict[str, Any]:
    """The same three by a command inside the container: only where the program offers no HTTP."""

    def run(command: list[str]) -> dict[str, Any]:
        return {"exec": {"command": command}}

    return _EXEC[timing].around(run(ready), run(ready), run(live))
