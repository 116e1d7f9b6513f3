"""Brings a node all that it needs: asks what is there, sends what a bundle has, or lets the node get it by itself.

Owns the order of the talk. Leaves the list to the bundle or upstream's table, bytes to transfer.py, and laying down to
scripts/artifacts.sh.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fjordkube.artifacts.needs import Needs

from .. import ssh
from ..errors import HelperError
from ..log import log
from . import lists, transfer, wanted
from .bundle import Bundle

ATTEMPTS = 5
"""Of a transfer that was cut."""

ROOM = 5
"""Times the size of what is missing that must be free: what arrives is compressed, and images lie there twice, packed
and unpacked (measured: 377 MB of a bundle took 1.5 GB)."""


def deliver(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """One node, until everything is laid down; finds what is there and sends nothing of it again."""
    node, script = env["FJORDKUBE_NODE"], env["FJORDKUBE_SCRIPT"]
    source = lists.find(env)
    needs = source.needs
    values = {**wanted.lines(needs, sent=source.bundle is not None), **source.values, "RELEASE": "", "STEP": "have"}
    command = ssh.Access.from_environment(node, env).command(folder)

    answer = _ask(command, script, values, node)
    _check(node, needs, answer, source)
    sent = 0
    if source.bundle is not None and not answer.complete:
        values["RELEASE"] = answer.release if answer.packages else ""
        sent = _send(command, script, values, node, source.bundle, needs)
    done = ssh.run(command, script, {**values, "STEP": "install"}, node)
    changed = int(done.get("changed", 0))
    log(f"{node}: {'has all that it needs' if changed else 'had all that it needs'} (Kubernetes {_version(needs)})")
    return {
        "node": node,
        "release": answer.release,
        "versions": dict(needs.versions),
        "bytes_sent": sent,
        "changed": changed,
    }


def _version(needs: Needs) -> str:
    return needs.versions["kubernetes"]


def _ask(command: list[str], script: str, values: Mapping[str, str], node: str) -> wanted.Answer:
    return wanted.Answer.read(ssh.run(command, script, {**values, "STEP": "have"}, node))


def _check(node: str, needs: Needs, answer: wanted.Answer, source: lists.Source) -> None:
    """HelperError before anything is sent to a machine that cannot take it."""
    if answer.architecture != needs.architecture:
        raise HelperError(
            f"{node}: is a machine of {answer.architecture}, and {source.title} is for {needs.architecture}; "
            "use machines of one architecture"
        )
    if answer.packages and source.bundle is not None and answer.release not in needs.packages:
        raise HelperError(
            f"{node}: runs {answer.release} and lacks {', '.join(answer.packages)}; {source.title} has packages for "
            f"{', '.join(sorted(needs.packages)) or 'no release'}: install them there, or make a bundle for it"
        )
    files = sum(file.size for file in needs.files if file.sha256 in answer.files)
    images = sum(image.size for image in needs.images if image.reference in answer.images)
    needed = ROOM * (files + images)
    if answer.free_bytes < needed:
        raise HelperError(
            f"{node}: has {answer.free_bytes / 1e9:.1f} GB free in /var/lib, and what it lacks takes "
            f"{needed / 1e9:.1f} GB; free some, or use a larger disk"
        )


def _send(command: list[str], script: str, values: Mapping[str, str], node: str, bundle: Bundle, needs: Needs) -> int:
    """Bytes sent: packages that apt chooses from the bundle's list, then files and images."""
    sent = 0
    for attempt in range(1, ATTEMPTS + 1):
        try:
            answer = _ask(command, script, values, node)
            parts = [part for part in wanted.parts(needs, answer) if part.offset < part.size]
            if answer.packages:
                listed = [wanted.package_index(answer, bundle.contents)]
                sent += transfer.send(command, script, values, node, listed, bundle.contents, quiet=True)
                chosen = ssh.run(command, script, {**values, "STEP": "choose"}, node)["packages"]
                parts = wanted.package_parts(needs, answer, chosen) + parts
            if not parts:
                return sent
            return sent + transfer.send(command, script, values, node, parts, bundle.contents)
        except transfer.Cut as cut:
            log(f"{node}: {cut} (attempt {attempt} of {ATTEMPTS})")
            time.sleep(ssh.PAUSE)
    raise HelperError(f"{node}: {ATTEMPTS} connections were cut; what arrived is kept, and the next up goes on from it")
