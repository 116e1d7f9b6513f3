"""How long a preview of 100 nodes takes, from nothing and of one node more: `python -m bench.scale`.

Owns the two scenarios, their order and the bar. The real engine, our stand-ins, the real program and the policy pack;
the state of the 100 nodes is pretended (project.py), since no machine is needed to plan. Writes
bench/results/scale.json and scale.svg; ends with 1 when a run took longer than the bar. See docs/scale.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bench import answers, machine, plot
from bench.project import Project, Run
from fjordkube.errors import FjordkubeError

BAR = 15.0
"""Seconds (issue 5)."""

RESULTS = Path(__file__).with_name("results")
SOURCES = ("local", "upcloud")


def main(words: list[str] | None = None) -> int:
    """0 when every run kept within the bar."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--nodes", type=int, default=100, help="one control plane, the others workers (default: 100)")
    parser.add_argument("--runs", type=int, default=5, help="of each scenario, in turn (default: 5)")
    parser.add_argument("--source", choices=SOURCES, nargs="+", default=list(SOURCES), help="default: all")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for JSON and picture")
    arguments = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="fjordkube-bench-") as folder:
        try:
            found = measured(Path(folder), arguments.source, arguments.nodes, arguments.runs)
        except FjordkubeError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    rows = {name: scenario["seconds"] for name, scenario in found["scenarios"].items()}
    arguments.results.mkdir(parents=True, exist_ok=True)
    (arguments.results / "scale.json").write_text(json.dumps(found, indent=1) + "\n")
    (arguments.results / "scale.svg").write_text(plot.dots(rows, BAR))
    print("\n" + table(found))
    return 0 if all(second <= BAR for seconds in rows.values() for second in seconds) else 1


def measured(folder: Path, sources: list[str], nodes: int, runs: int) -> dict[str, Any]:
    """Machine, bar and scenarios; each scenario's seconds, loads before each run, and what the preview showed."""
    projects: dict[str, Project] = {}
    scenarios: dict[str, dict[str, Any]] = {}
    for source in sources:
        for more in (False, True):
            name = f"{source}: one more than {nodes}" if more else f"{source}: {nodes} from nothing"
            projects[name], run = prepared(folder / f"{source}-{more}", source, nodes, more)
            changed = run.changed()
            scenarios[name] = {
                "resources": len(run.operations),
                "changed": {kind: list(changed.values()).count(kind) for kind in sorted(set(changed.values()))},
                "seconds": [],
                "load_before": [],
            }
    # In turn, so that a machine that gets slower or busier does so for all.
    for turn in range(runs):
        for name, project in projects.items():
            scenarios[name]["load_before"].append(round(machine.load(), 2))
            scenarios[name]["seconds"].append(round(project.time_preview(), 2))
            print(f"{turn + 1} of {runs}  {name}: {scenarios[name]['seconds'][-1]:.1f} s", flush=True)
    return {"machine": machine.described(), "bar_seconds": BAR, "scenarios": scenarios}


def prepared(folder: Path, source: str, nodes: int, more: bool) -> tuple[Project, Run]:
    """A project whose next preview is the scenario, and that preview, counted and not timed."""
    project = Project(folder)

    def settings(count: int) -> dict[str, Any]:
        return answers.settings(source, folder, workers=[f"w{number}" for number in range(1, count)])

    project.write(settings(nodes))
    if more:
        project.pretend()
        project.write(settings(nodes + 1))
    return project, project.preview()


def table(found: dict[str, Any]) -> str:
    """What was measured, for a terminal."""
    lines = [f"{'scenario':32} {'resources':>9} {'median':>8} {'longest':>8}   bar {BAR:.0f} s"]
    for name, scenario in found["scenarios"].items():
        seconds = scenario["seconds"]
        kept = "kept" if max(seconds) <= BAR else "missed"
        figures = f"{scenario['resources']:9} {median(seconds):6.1f} s {max(seconds):6.1f} s"
        lines.append(f"{name:32} {figures}   {kept}")
    host = found["machine"]
    lines.append(f"{host['date']}, {host['processor']}, {host['cores']} cores, kernel {host['kernel']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
