"""The living part of `doctor`: how the cluster in the stack's state is, asked of its nodes; nothing is changed there.

Owns whether there is one, the table, the JSON file and the exit status. Leaves finding machines to machines.py, asking
to the helper's verb health, and verdicts to `components/health/`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from commands import backend, machines, report, stackfile, state
from commands.engine import Engine, engine_there
from fjordkube.errors import FjordkubeError
from fjordkube.health import question
from fjordkube.health.judgement import figures, judge
from fjordkube.health.rows import Row, State, worst
from fjordkube.health.seen import Seen
from fjordkube.helpers import launcher
from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.local_vm import record
from fjordkube.roots import home_root

COLUMNS = ("thing", "node", "state", "figure", "fix")

STATUS: Mapping[State, int] = {"ok": 0, "note": 0, "soon": 3, "now": 1}
"""The command's exit status by the worst row; 2 is argparse's and make's own."""


@dataclass(frozen=True)
class Cluster:
    """A stack's cluster: its nodes and how they are entered."""

    stack: str
    entrances: Sequence[Mapping[str, Any]]
    """Secret."""
    local: bool


class NotLookedAt(FjordkubeError):
    """The state cannot be read yet, and nothing says that there is any."""


def find(stack: str, settings_file: Path | None) -> Cluster | None:
    """The cluster of the stack's state; None: there is none. FjordkubeError where the state cannot be read."""
    engine = Engine.of(stack, settings_file)
    own = engine.place.of_checkout and not os.environ.get(backend.VARIABLE)
    if own and not machines.prepared(state.resources(stack) or []):
        return None  # seen without a start of the engine
    try:
        engine.require()
        if not engine_there():
            raise FjordkubeError("state: the engine that reads it is not built yet; make preview builds it")
    except FjordkubeError as error:
        if own or _was_made(engine):
            raise
        raise NotLookedAt(str(error)) from None
    if not engine.exists():
        return None
    resources = engine.resources(secrets_shown=True)
    entrances = machines.entrances(resources)
    return Cluster(stack, entrances, bool(state.computers(resources))) if entrances else None


def _was_made(engine: Engine) -> bool:
    """Whether an engine has made the stack: it leaves the salt in the stack's file."""
    file = engine.config_file
    return file.exists() and any(key in stackfile.read(file) for key in stackfile.SALTS)


def look(cluster: Cluster) -> int:
    """Asks every node, prints the table, writes <home>/report/<stack>-doctor.json; the exit status."""
    begun = time.monotonic()
    try:
        answer = launcher.run("health", question.environment(cluster.entrances))
    except HelperError as error:
        raise FjordkubeError(str(error)) from None
    seen = Seen.of(answer, time.time(), cluster.local)
    rows = judge(seen)
    print("\n" + report.table([asdict(row) for row in rows], COLUMNS))
    path = home_root() / "report" / f"{cluster.stack}-doctor.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    record.write(path, (json.dumps(told(cluster.stack, seen, rows), indent=1) + "\n").encode(), 0o644)
    took, nodes = time.monotonic() - begun, len(seen.names)
    asked = f"{nodes} node{'s' * (nodes != 1)} asked in {took:.1f} s"
    print(f"\n{asked}: {worst(rows)}; the same as JSON: {path}")
    return STATUS[worst(rows)]


def told(stack: str, seen: Seen, rows: Sequence[Row]) -> dict[str, Any]:
    """What the JSON file holds."""
    return {
        "stack": stack,
        "at": datetime.fromtimestamp(seen.now, UTC).isoformat(timespec="seconds"),
        "state": worst(rows),
        "rows": [{column: getattr(row, column) for column in COLUMNS} for row in rows],
        "nodes": figures(seen),
    }
