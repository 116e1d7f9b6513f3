"""Gate bgp: every node has a BGP session with every other, and no tunnel device unless encapsulation is asked for.

Owns its question and its row. Leaves measuring to helpers/gates/bgp.py, scripts/bird.sh and scripts/gate-bgp.sh.
"""

from __future__ import annotations

from fjordkube.gates.common import Figures, Promised, Question, Row, count, row, script


def question(promised: Promised) -> Question:
    """Asked of every cluster."""
    return Question("bgp", {"encapsulated": promised.encapsulated}, script("bgp", before=("bird",)), needs=("network",))


def rows(found: Figures) -> list[Row]:
    """One row; nothing is said of tunnels where they may be."""
    sessions = f"{found['sessions_established']} of {found['sessions_expected']} sessions Established"
    if found["tunnel_devices"] is None:
        return [row("BGP", sessions, "every node with every other")]
    devices = count(found["tunnel_devices"], "tunnel device")
    return [row("BGP, no encapsulation", f"{sessions}, {devices}", "every node with every other; no tunnel device")]
