"""Gate ipvs: the kernel's IPVS table on every node holds a Service with exactly its ready endpoints.

Owns its question and its row. Leaves measuring to helpers/gates/ipvs.py and scripts/gate-ipvs.sh.
"""

from __future__ import annotations

from fjordkube import demo
from fjordkube.gates.common import Figures, Promised, Question, Row, count, row, script


def question(promised: Promised) -> Question | None:
    """About the demo's Service, or the cluster's DNS without a demo; None where kube-proxy has another mode."""
    if promised.scheduler is None:
        return None
    namespace, service = (demo.NAMESPACE, demo.NAME) if promised.demo_host else ("kube-system", "kube-dns")
    asked = {"namespace": namespace, "service": service, "scheduler": promised.scheduler}
    return Question("ipvs", asked, script("ipvs"), needs=("services",))


def rows(found: Figures) -> list[Row]:
    """One row."""
    held, real = f"{found['nodes_holding']} of {found['nodes']} nodes", count(found["real_servers"], "endpoint")
    measured = f"{found['service']} on {held}: {found['scheduler']} over {real}"
    needed = f"{found['scheduler']} over exactly the ready endpoints, on every node"
    return [row("Services by IPVS", f"{measured}; {count(found['virtual_services'], 'entry', 'entries')}", needed)]
