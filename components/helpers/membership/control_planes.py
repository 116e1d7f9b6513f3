"""The control planes beside one node: which of them live, and what a living one is asked for.

Owns asking them (all at once: a dead one costs a time-out) and reading what they say. Leaves the answers to
scripts/peer.sh, and what follows from them to joining.py and removal.py.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import ssh
from ..api import Api
from ..errors import HelperError
from ..kubeconfig import pointed_at
from ..log import log

CONNECT_SECONDS = 10
"""Until a control plane that does not answer counts as unreached, in each of two attempts."""

PEER_PORT = 2380
"""etcd's port for other members (kubeadm's)."""


@dataclass(frozen=True)
class EtcdMember:
    """A member of etcd, as another one lists it."""

    identity: str
    """Decimal, as etcd's JSON has it."""
    name: str
    """Of its node; empty until it has started."""
    peer_urls: Sequence[str]
    learner: bool
    """Whether it does not vote: it was added, and its join is not at its end."""

    def is_of(self, node: str, address: str) -> bool:
        """Whether it is, or was, of the node with this name or private address."""
        return self.name == node or f"https://{address}:{PEER_PORT}" in self.peer_urls


@dataclass(frozen=True)
class ControlPlane:
    """One control plane as it answered, or did not."""

    name: str
    state: str
    """member, begun (half a start or join), absent (nothing of a cluster on it), or unreached."""
    answers: bool = False
    """Whether its API is ready."""
    members: Sequence[EtcdMember] = ()
    """etcd's, as it knows them; empty unless it answers."""
    kubeconfig: str = field(default="", repr=False)
    """The administrator's, pointed at its API."""
    command: Sequence[str] = ()
    """ssh to it."""
    script: str = field(default="", repr=False)

    def api(self, folder: Path, timeout: float = 60) -> Api:
        return Api(self.kubeconfig, folder, timeout=timeout)

    def hand_over_keys(self, key: str) -> str:
        """Uploads the cluster's keys, encrypted with `key` (hex, 32 bytes), for the one that joins.

        What it returns (base64) are those of Secrets in etcd, for this process's memory alone.
        """
        log(f"{self.name}: hands over the cluster's keys, encrypted")
        answer = ssh.run([*self.command], self.script, {"ACTION": "keys", "CERTIFICATE_KEY": key}, self.name)
        return str(answer.get("encryption", ""))

    def forget(self, node: str, address: str) -> None:
        """Takes what is left in etcd of a node that is none any more, and learners whose joins were cut.

        Joins are made one at a time, so that no other's learner can be there.
        """
        for member in self.members:
            if member.is_of(node, address) or member.learner:
                log(f"{self.name}: takes {member.name or 'a member that never started'} out of etcd")
                ssh.run([*self.command], self.script, {"ACTION": "forget", "MEMBER": member.identity}, self.name)


def beside(env: Mapping[str, str], folder: Path) -> list[ControlPlane]:
    """Every other control plane of FJORDKUBE_PEERS as it answers now, by name."""
    peers, script = [*ssh.listed(env["FJORDKUBE_PEERS"])], env["FJORDKUBE_PEER_SCRIPT"]

    def ask(peer: tuple[Mapping[str, Any], ssh.Access]) -> ControlPlane:
        entry, access = peer
        name = access.name
        try:
            command = access.command(folder, connect_timeout=CONNECT_SECONDS)
            answer = ssh.run(command, script, {"ACTION": "look"}, name, attempts=2)
        except HelperError as error:
            log(str(error))
            return ControlPlane(name, "unreached")
        kubeconfig = base64.b64decode(answer.get("kubeconfig") or "").decode()
        return ControlPlane(
            name,
            str(answer.get("state")),
            answer.get("answers") is True,
            [_member(each) for each in (answer.get("etcd") or {}).get("members") or []],
            pointed_at(kubeconfig, str(entry["api"])),
            command,
            script,
        )

    with ThreadPoolExecutor(max_workers=max(1, len(peers))) as pool:
        return list(pool.map(ask, peers))


def living(planes: Sequence[ControlPlane]) -> ControlPlane | None:
    """The first whose API answers."""
    return next((plane for plane in planes if plane.answers), None)


def _member(entry: Mapping[str, Any]) -> EtcdMember:
    return EtcdMember(
        str(entry.get("ID", "")),
        str(entry.get("name", "")),
        [str(url) for url in entry.get("peerURLs") or []],
        entry.get("isLearner") is True,
    )
