"""Which host key is pinned for each host of a stack, and for its bastion.

Owns the order: what the settings say, else what the file of host keys has. Leaves the file's format to host_keys.py.
Nothing here asks a host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fjordkube.nodes.existing import host_keys
from fjordkube.roots import project_root

if TYPE_CHECKING:
    from fjordkube.settings import ExistingNodes

BASTION: Final = "(bastion)"
"""The bastion's name among nodes; no node has it, for it is no DNS label."""


@dataclass(frozen=True)
class HostPin:
    """A host whose key must be known."""

    name: str
    """The node's name, or BASTION."""
    field: str
    """Where the settings may say its key, e.g. nodes.workers[w1].host_key."""
    host: str
    port: int
    said: str | None
    """The key that the settings say."""


@dataclass(frozen=True)
class Pins:
    """The keys that are pinned, and why others are not."""

    keys: dict[str, str]
    """Public line by name."""
    problems: list[str]
    """`field: state; fix` of everything that keeps a host from having its key."""


def file_of(nodes: ExistingNodes) -> Path:
    """The file of host keys; a relative path starts in the project's folder."""
    return project_root() / Path(nodes.ssh.known_hosts).expanduser()


def host_pins(nodes: ExistingNodes) -> Iterator[HostPin]:
    """The bastion, if there is one, then every host."""
    bastion = nodes.ssh.bastion
    if bastion:
        yield HostPin(BASTION, "nodes.ssh.bastion.host_key", bastion.host, bastion.port, bastion.host_key)
    for kind, hosts in (("control_planes", nodes.control_planes), ("workers", nodes.workers)):
        for host in hosts:
            field = f"nodes.{kind}[{host.name}].host_key"
            yield HostPin(host.name, field, nodes.host_of(host), nodes.port_of(host), host.host_key)


def pins(nodes: ExistingNodes, stack: str) -> Pins:
    """Every host's key. `stack` is for the fix."""
    file, keys, problems = nodes.ssh.known_hosts, dict[str, str](), list[str]()
    try:
        text = read(file_of(nodes))
    except OSError as error:
        text = ""
        problems.append(f"nodes.ssh.known_hosts: {file} is not readable ({error.strerror}); name a file of host keys")
    for pin in host_pins(nodes):
        try:
            key = pin.said or host_keys.pinned(text, pin.host, pin.port)
        except ValueError as error:
            problems.append(f"{pin.field}: {file} {error}; take the old line out, or write the right key here")
            continue
        if key:
            keys[pin.name] = key
            continue
        at = host_keys.name(pin.host, pin.port)
        fix = f"collect it once by make host-keys STACK={stack} and compare its fingerprint, or write it here"
        problems.append(f"{pin.field}: is missing, and {file} has no key for {at}; {fix}")
    return Pins(keys, problems)


def read(file: Path) -> str:
    """The file's text; empty where it is not there yet."""
    try:
        return file.read_text(errors="replace")
    except FileNotFoundError:
        return ""
