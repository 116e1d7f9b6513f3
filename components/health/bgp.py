"""BGP: every node's sessions with every other, as the gate judges them (helpers/gates/bgp.py)."""

from __future__ import annotations

from collections.abc import Iterator

from fjordkube.health import api
from fjordkube.health.rows import Row
from fjordkube.health.seen import Seen
from fjordkube.helpers.gates import bird
from fjordkube.helpers.gates.bgp import FIX_BIRD, FIX_SESSION


def rows(seen: Seen) -> Iterator[Row]:
    """One row for each node that is a member. Where no API tells addresses, by the peers that BIRD has itself."""
    members = api.members(seen)
    addresses = {str(node["Name"]): str(node.get("Internal-IP")) for node in members or ()}
    for name, answer in seen.nodes.items():
        said = "\n".join(answer.every("bird"))
        sessions = bird.sessions(said)
        peers = {address: peer for peer, address in addresses.items() if peer != name}
        if members is None:
            peers = {address: address for address in sessions}
        elif name not in addresses or not peers:
            continue
        if not bird.answers(said):
            yield Row("BGP", name, "now", "BIRD does not answer", FIX_BIRD)
            continue
        states = {peer: sessions.get(address, "not configured") for address, peer in peers.items()}
        wrong = {peer: state for peer, state in states.items() if state != bird.ESTABLISHED}
        figure = f"{len(peers) - len(wrong)} of {len(peers)} sessions {bird.ESTABLISHED}"
        if wrong:
            named = ", ".join(f"{peer}: {state}" for peer, state in wrong.items())
            yield Row("BGP", name, "now", f"{figure} ({named})", FIX_SESSION)
        else:
            yield Row("BGP", name, "ok", figure)
