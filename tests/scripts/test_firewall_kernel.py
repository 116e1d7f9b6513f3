"""The rules of a worker in a real kernel: who gets through.

Skipped on a desk where network namespaces cannot be made."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fjordkube.firewall import admits, nftables
from fjordkube.settings import Stack
from tests.golden.bootstrap_cluster import local_policy, stack
from tests.scripts import links

NODE = "192.168.77.101"
UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]


def _possible() -> bool:
    needed = [program for program in ("nft", "ip", "unshare", "nsenter") if not shutil.which(program)]
    return not needed and subprocess.run([*UNSHARE, "nft", "list", "tables"], capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not _possible(), reason="needs nft, iproute2 and network namespaces")


@dataclass(frozen=True)
class Seen:
    """What came of each try."""

    results: dict[tuple[Any, ...], str]
    dropped: int | None

    def opened(self, peer: str, source: str, target: str) -> set[int]:
        """Ports that answered; all others were silent, since a closed port tells that somebody is there."""
        found = {key[3]: result for key, result in self.results.items() if key[:3] == (peer, source, target)}
        assert set(found.values()) <= {"open", "silent"}, found
        return {port for port, result in found.items() if result == "open"}


def tries(peer: str, source: str, target: str, ports: Sequence[int] = links.PORTS) -> list[tuple[Any, ...]]:
    return [(peer, source, target, port) for port in ports]


def look(rules: str, every: Sequence[tuple[Any, ...]]) -> Seen:
    done = subprocess.run(
        [*UNSHARE, sys.executable, str(Path(links.__file__))],
        input=json.dumps({"rules": rules, "tries": every}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return Seen(dict(zip(every, answer["results"], strict=True)), answer["dropped"])


def rules(settings: Stack) -> str:
    return nftables.ruleset(local_policy(settings), "worker", "eth1")


def expected(settings: Stack, source: str) -> set[int]:
    return {port for port in links.PORTS if admits(local_policy(settings), "worker", source, port)}


CALLERS = (
    ("outside", "10.0.2.2", "10.0.2.15"),
    ("outside", "10.0.2.2", NODE),
    ("inside", "192.168.77.102", NODE),
    ("inside", "192.168.77.11", NODE),
    ("inside", "10.244.3.4", NODE),
    ("pod", "10.244.1.5", NODE),
)


@pytest.mark.parametrize(
    "settings",
    [
        stack(),
        stack(
            firewall={"ingress_from": ["198.51.100.0/24"], "node_ports_from": ["0.0.0.0/0"]},
            kube_proxy={"mode": "nftables"},
        ),
    ],
    ids=["default", "other"],
)
def test_ports_of_a_worker_open_for_whom_the_table_says(settings: Stack) -> None:
    every = [entry for caller in CALLERS for entry in tries(*caller)]
    seen = look(rules(settings), every)
    for peer, source, target in CALLERS:
        assert seen.opened(peer, source, target) == expected(settings, source), (peer, source, target)


def test_without_the_rules_everything_is_open_to_everybody() -> None:
    every = [entry for caller in CALLERS for entry in tries(*caller)]
    every += [
        *tries("outside", "10.0.2.2", "10.96.0.1", [443]),
        *tries("outside", "10.0.2.2", "10.0.2.15", [links.HOST_PORT]),
    ]
    assert set(look("", every).results.values()) == {"open"}


def test_address_of_a_service_is_for_pods_alone() -> None:
    every = [
        *tries("pod", "10.244.1.5", "10.96.0.1"),
        *tries("outside", "10.0.2.2", "10.96.0.1"),
        *tries("inside", "192.168.77.102", "10.96.0.1"),
    ]
    seen = look(rules(stack()), every)
    assert seen.opened("pod", "10.244.1.5", "10.96.0.1") == set(links.PORTS)
    assert seen.opened("outside", "10.0.2.2", "10.96.0.1") == set()
    assert seen.opened("inside", "192.168.77.102", "10.96.0.1") == set()


def test_port_that_is_translated_before_input_is_judged_as_well() -> None:
    seen = look(rules(stack()), tries("outside", "10.0.2.2", "10.0.2.15", [links.HOST_PORT]))
    assert seen.opened("outside", "10.0.2.2", "10.0.2.15") == set()


def test_node_reaches_itself_and_gets_answers_to_what_it_asks() -> None:
    every = [*tries("node", NODE, NODE), *tries("node", "10.0.2.15", "10.0.2.2", [links.OUTSIDE_PORT])]
    seen = look(rules(stack()), every)
    assert seen.opened("node", NODE, NODE) == set(links.PORTS)
    assert seen.opened("node", "10.0.2.15", "10.0.2.2") == {links.OUTSIDE_PORT}


def test_private_address_at_the_public_nic_is_not_believed() -> None:
    # its answer could not come back either way: what was dropped tells
    believed = look(rules(stack()), tries("inside", "192.168.77.102", NODE, [179]))
    lie = look(rules(stack()), tries("outside", "192.168.77.103", "10.0.2.15", [179]))
    assert believed.dropped == 0
    assert lie.dropped
