"""Which versions run, and when each gets no more fixes.

Owns the verdict. Leaves dates to artifacts/ends.py, and what is said of IPVS and ingress-nginx to versions.py and
advice.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

from fjordkube import advice, versions
from fjordkube.artifacts import ends
from fjordkube.health import api
from fjordkube.health.rows import Row, State
from fjordkube.health.seen import Seen
from fjordkube.helpers.survey.asking import Answer

SOON_DAYS: Final = 30
NOTE_DAYS: Final = 180
"""Before the end of a release: an upgrade is planned, tried and done in this time."""


def rows(seen: Seen) -> Iterator[Row]:
    """Kubernetes, the container runtime and the system of each node; what ends with them."""
    today = datetime.fromtimestamp(seen.now, UTC).date()
    told = {str(node["Name"]): node for node in api.members(seen) or ()}
    for name, answer in seen.nodes.items():
        node = told.get(name)
        if node:
            yield _kubernetes(name, str(node["Version"]), today)
            yield _runtime(name, str(node.get("Container-Runtime")), answer)
        yield _system(name, answer, today)
        if node and answer.one("ipvs") and (line := versions.ipvs_warning(str(node["Version"]))):
            yield _advice("kube-proxy", name, line)
    if api.runs(seen, "ingress-nginx"):
        yield _advice("ingress-nginx", "", advice.INGRESS_NGINX_WARNING)


def _kubernetes(name: str, version: str, today: date) -> Row:
    minor = ".".join(version.removeprefix("v").split(".")[:2])
    state, words = _verdict(ends.end("kubernetes", minor), today)
    fix = "" if state == "ok" else "set kubernetes.version to a newer minor, one after the other"
    return Row("Kubernetes", name, state, f"{version}, {words}", fix)


def _runtime(name: str, runtime: str, answer: Answer) -> Row:
    runc = answer.one("runc").removeprefix("runc version ")
    return Row("containerd", name, "ok", runtime.removeprefix("containerd://") + (f", runc {runc}" if runc else ""))


def _system(name: str, answer: Answer, today: date) -> Row:
    project, release = answer.one("os_id"), answer.one("os_version")
    shown = f"{answer.one('os_name') or 'an unknown system'}, kernel {answer.one('kernel')}"
    if not release:  # Debian's testing has no number, and no end
        return Row("system", name, "ok", shown)
    state, words = _verdict(ends.end(project, release), today)
    return Row(
        "system", name, state, f"{shown}, {words}", "" if state == "ok" else "replace it by one of a newer release"
    )


def _verdict(found: ends.End | None, today: date) -> tuple[State, str]:
    """State and words for an end, or for none that is known."""
    if found is None:
        return "note", "whose end is not known here"
    last = found.extended if found.extended and today > found.end else found.end
    left = (last - today).days
    if left < 0:
        return "soon", f"without fixes since {last}"
    if last != found.end:
        return "soon" if left < SOON_DAYS else "note", f"with long-term fixes alone, until {last}"
    soon = found.extended is None and left < SOON_DAYS
    return "soon" if soon else "note" if left < NOTE_DAYS else "ok", f"with fixes until {last}"


def _advice(thing: str, name: str, line: str) -> Row:
    state, _, fix = line.partition(": ")[2].partition("; ")
    return Row(thing, name, "note", state, fix)
