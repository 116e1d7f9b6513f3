"""Every verdict on a living cluster, in the order in which a person wants to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fjordkube.health import api, bgp, certificates, etcd, machine, releases
from fjordkube.health.rows import Row, merged
from fjordkube.health.seen import Seen

REACH = "start its machine, let this computer through to it, or have make up bring it back"


def judge(seen: Seen) -> list[Row]:
    """What is the same of several nodes is one row."""
    return merged(list(_rows(seen)), seen.names)


def figures(seen: Seen) -> dict[str, Any]:
    """By node, what a program may want beside the rows: days left by certificate, percent free by folder."""
    return {
        name: {
            "certificate_days": certificates.days(answer, seen.now),
            "disk_free_percent": {disk.folder: round(disk.free, 1) for disk in machine.disks(answer)},
        }
        for name, answer in seen.nodes.items()
    }


def _rows(seen: Seen) -> Iterator[Row]:
    for name, reason in seen.silent.items():
        yield Row("SSH", name, "now", reason, REACH)
    for name, answer in seen.nodes.items():
        if answer.one("uid") != "0":
            yield Row("SSH", name, "now", "its user is not root, and told little", "set nodes.ssh.sudo: true")
    yield from api.rows(seen)
    yield from etcd.rows(seen.nodes, seen.names)
    yield from bgp.rows(seen)
    for name, answer in seen.nodes.items():
        yield from certificates.rows(name, answer, seen.now)
        yield from machine.disk_rows(name, answer)
        yield from machine.clock_rows(name, answer, seen.local)
        yield from machine.unit_rows(name, answer)
    yield from releases.rows(seen)
