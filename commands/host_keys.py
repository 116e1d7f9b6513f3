"""`host-keys`: collects the keys of hosts that exist, once and by this command alone, for a person to compare.

Owns comparing with what is pinned, and adding to the file of host keys. A key that differs from a pinned one is told
and never written. Leaves asking hosts to `components/nodes/existing/collection.py`; `up` never learns a key.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from commands import stackfile
from commands.console import say
from fjordkube.errors import FjordkubeError, SettingsError
from fjordkube.helpers.ssh import Access
from fjordkube.nodes.existing import collection, host_keys
from fjordkube.nodes.existing.pins import BASTION, HostPin, file_of, host_pins, read
from fjordkube.nodes.existing.source import key_problems
from fjordkube.settings import ExistingNodes

SCRIPT = "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
"""What shows a host's fingerprint on the host itself."""


class HostKeysError(FjordkubeError):
    """Hosts whose keys could not be collected, or are not the pinned ones."""


def run(arguments: argparse.Namespace) -> int:
    """0 when every host has a pinned key that it shows. Raises FjordkubeError with every problem at once."""
    nodes = _nodes(arguments.settings or stackfile.source(arguments.stack))
    wrong = [problem for problem in key_problems(nodes) if problem.startswith("nodes.ssh.bastion.")]
    if wrong:
        raise HostKeysError("\n".join(wrong))
    file = file_of(nodes)
    text = read(file)
    every = list(host_pins(nodes))
    before = [place for place in every if place.name == BASTION]
    problems: list[str] = []
    added = _collect(before, nodes, text, None, problems)
    bastion = None
    if nodes.ssh.bastion:
        if problems:
            raise HostKeysError("\n".join([*problems, "no host behind the bastion was asked"]))
        key = added.get(BASTION) or _pinned(before[0], text) or ""
        bastion = collection.through(nodes.ssh.bastion, key)
    hosts = [place for place in every if place.name != BASTION]
    added |= _collect(hosts, nodes, text, bastion, problems)
    if added:
        _add(file, "".join(host_keys.line(p.host, p.port, added[p.name]) for p in every if p.name in added))
        say(f"{len(added)} new in {nodes.ssh.known_hosts}: compare each with what its host says of itself: {SCRIPT}")
    if problems:
        raise HostKeysError("\n".join(problems))
    if not added:
        say(f"all {len(every)} are known already, and shown as pinned; nothing was written")
    return 0


def _nodes(path: Path) -> ExistingNodes:
    nodes = stackfile.settings(path).nodes
    if isinstance(nodes, ExistingNodes):
        return nodes
    state = f"is {nodes.source}, whose machines get their host keys when they are made"
    raise SettingsError([f"nodes.source: {state}; host keys are collected for source existing alone"])


def _collect(
    asked: list[HostPin], nodes: ExistingNodes, text: str, bastion: Access | None, problems: list[str]
) -> dict[str, str]:
    """Keys that are new, by name; says what each host shows, and adds to `problems`."""
    known = {place.name: _pinned(place, text) for place in asked}
    kinds = {name: key.split()[0] if key else None for name, key in known.items()}
    added = {}
    for place, (name, found) in zip(asked, collection.all_shown(asked, kinds, bastion).items(), strict=True):
        pinned, who = known[name], f"{name:10} {host_keys.name(place.host, place.port):24}"
        if isinstance(found, collection.Silent):
            fix = "start the machine, let this computer (or the bastion) through its firewall, or correct host and port"
            problems.append(f"{place.field}: {place.host} port {place.port} shows no key ({found}); {fix}")
            continue
        kind, mark = found.split()[0], host_keys.fingerprint(found)
        if pinned == found:
            say(f"{who} {kind} {mark} as pinned")
        elif pinned:
            say(f"{who} {kind} {mark} DIFFERS")
            problems.append(_differs(place, pinned, found, nodes.ssh.known_hosts))
        else:
            say(f"{who} {kind} {mark} new")
            added[name] = found
    return added


def _pinned(place: HostPin, text: str) -> str | None:
    try:
        return place.said or host_keys.pinned(text, place.host, place.port)
    except ValueError:
        # two of one type: the host shows one of them, and the other is told as differing
        return host_keys.keys(text, place.host, place.port)[0]


def _differs(place: HostPin, pinned: str, found: str, file: str) -> str:
    where = "the settings pin" if place.said else f"{file} has"
    at = f"{place.host} port {place.port}"
    change = "correct it" if place.said else "take the old line out of that file and run this again"
    return (
        f"{place.field}: {at} shows {host_keys.fingerprint(found)}, and {where} {host_keys.fingerprint(pinned)}; "
        f"if that machine was installed anew, {change}; if it was not, somebody may stand in between. Nothing was "
        "written for it"
    )


def _add(file: Path, lines: str) -> None:
    """Appends; what is in the file stays as it is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    gap = "\n" if file.exists() and not file.read_text().endswith("\n") and file.stat().st_size else ""
    with file.open("a") as out:
        out.write(gap + lines)
        out.flush()
        os.fsync(out.fileno())
