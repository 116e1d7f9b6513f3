"""Following the engine's event log: fast, to its end, and what `up` says of a policy's refusal."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from commands.dangers import Step
from commands.progress import Plan, Progress


def event(kind: str, name: str, operation: str, text: str = "") -> dict[str, Any]:
    facts = {
        "urn": f"urn:pulumi:local::fjordkube::command:local:Command::{name}",
        "type": "command:local:Command",
        "op": operation,
        "new": {"custom": True, "inputs": {"create": text}},
    }
    return {kind: {"metadata": facts}}


def follow(base: Path, events: list[Any]) -> tuple[Progress, list[str], float]:
    """What came of `events`, what was told, and how long the writer took."""
    told: list[str] = []
    with Progress(base, told.append) as progress:
        begun = time.monotonic()
        handle = os.open(progress.arguments[1], os.O_WRONLY)
        for entry in events:
            line = entry if isinstance(entry, bytes) else json.dumps(entry).encode()
            view = memoryview(line + b"\n")
            while view:
                view = view[os.write(handle, view) :]
        os.close(handle)
        seconds = time.monotonic() - begun
    return progress, told, seconds


def test_a_large_log_does_not_hold_the_engine_up(tmp_path: Path) -> None:
    """20 MB, as a run of a hundred resources writes: with a pause at every empty pipe it took half a minute."""
    text = "x" * 100_000
    events = [event("resOutputsEvent", f"n{number}", "same", text) for number in range(200)]
    progress, _, seconds = follow(tmp_path / "up", events)
    assert progress.summary() == "200 unchanged"
    assert seconds < 5


def test_what_is_written_last_is_read_before_the_end(tmp_path: Path) -> None:
    events = [
        event("resourcePreEvent", "fjord-w1-joined", "create"),
        b"not json",
        {"resOutputsEvent": "of another shape"},
        event("resOutputsEvent", "fjord-w1-joined", "create"),
    ]
    progress, told, _ = follow(tmp_path / "up", events)
    assert progress.summary() == "1 created, 0 unchanged"
    assert told == ["w1: member of the cluster (0 s)"]
    assert not Path(progress.arguments[1]).exists()


def test_what_is_replaced_is_told_once_made_and_once_gone(tmp_path: Path) -> None:
    operations = ("create-replacement", "replace", "delete-replaced")
    kinds = ("resourcePreEvent", "resOutputsEvent")
    events = [event(kind, "fjord-w1-joined", operation) for operation in operations for kind in kinds]
    progress, told, _ = follow(tmp_path / "up", events)
    assert progress.summary() == "1 replaced, 0 unchanged"
    assert [line.count("member of the cluster") for line in told] == [1, 0]


def test_silence_is_broken_less_and_less_often_until_there_is_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, told = 0.0, []
    monkeypatch.setattr("commands.progress.time.monotonic", lambda: now)
    progress = Progress(tmp_path / "up", lambda text: told.append((now, text)))
    progress._take(event("resourcePreEvent", "fjord-gates-bgp", "create"))
    for second in range(700):
        now = float(second)
        if second == 650:
            progress._take(event("resOutputsEvent", "fjord-gates-bgp", "create"))
        progress._still()
    quiet = [when for when, text in told if text.startswith("still at it")]
    assert quiet == [20, 60, 140, 300, 460, 620, 670]
    assert told[0][1] == "still at it: fjord-gates-bgp for 20 s"


def said(tmp_path: Path, level: str) -> list[str]:
    lines: list[str] = []
    event = {
        "resourceUrn": "urn:pulumi:prod::fjordkube::upcloud:index/server:Server::nodes-cp1",
        "message": "<{%fg 1%}>Disks are encrypted.\nthe disk is not encrypted; set nodes.encrypt: true<{%reset%}>\n",
        "policyName": "encrypted-disks",
        "enforcementLevel": level,
    }
    Progress(tmp_path / "up", lines.append)._take({"policyEvent": event})
    return lines


def test_a_refusal_names_the_resource_the_rule_and_the_fix_on_one_line(tmp_path: Path) -> None:
    words = "policy encrypted-disks: Disks are encrypted. the disk is not encrypted; set nodes.encrypt: true"
    assert said(tmp_path, "mandatory") == [f"error: nodes-cp1: {words}"]
    assert said(tmp_path, "warning") == [f"warning: nodes-cp1: {words}"]


def diagnosed(tmp_path: Path, *entries: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    progress = Progress(tmp_path / "up", lines.append)
    for entry in entries:
        progress._take({"diagnosticEvent": {"severity": "info", **entry}})
    return lines


def test_a_gates_command_tells_its_progress_and_a_plugins_words_for_its_objects_are_none(tmp_path: Path) -> None:
    start = "urn:pulumi:local::fjordkube::fjordkube:cluster:KubernetesCluster$fjordkube:gates:Gates$"
    gate = {"urn": f"{start}command:local:Command::fjord-gates-bgp", "message": "asking\n4 of 6 sessions\n"}
    probe = {
        "urn": f"{start}kubernetes:apps/v1:DaemonSet::fjord-gates-probe-daemonset-probe",
        "message": "Skipping await logic",
    }
    assert diagnosed(tmp_path, probe, gate) == ["gate bgp: 4 of 6 sessions"]


def test_how_far_a_nodes_software_is_shows_as_its_helper_and_the_node_say_it(tmp_path: Path) -> None:
    urn = "urn:pulumi:prod::fjordkube::fjordkube:host:Host$command:local:Command::fjord-w1-host-artifacts"
    told = ["w1: 120 of 377 MB sent, 6.0 MB/s, 43 s left (kubelet)", "w1: installed runc v1.4.4: runc"]
    words = f"{told[0]}\nwrote /etc/crictl.yaml\n{told[1]}\n"
    assert diagnosed(tmp_path, {"urn": urn, "message": words}) == told


PENDING = """<{%reset%}>Attempting to deploy or update resources with 9 pending operations from previous deployment.
  * urn:pulumi:local::fjordkube::command:local:Command::nodes-w1-power, interrupted while creating
These resources are in an unknown state. You should confirm whether or not the operations listed completed.
<{%reset%}>"""


def test_nobody_is_told_to_look_for_what_this_run_settles(tmp_path: Path) -> None:
    """The engine says it of each killed run; `up` makes all again by name and drops the notes at its end."""
    told = diagnosed(tmp_path, {"severity": "warning", "message": PENDING})
    assert told == ["an earlier run was cut off; all is found again by its name, and this run goes on from there"]
    other = {"severity": "warning", "message": "IPVS ends with Kubernetes 1.43"}
    assert diagnosed(tmp_path, other) == ["warning: IPVS ends with Kubernetes 1.43"]


def test_plan_is_every_resource_with_its_parent(tmp_path: Path) -> None:
    gone = event("resourcePreEvent", "fjord-w1-joined", "delete")
    facts = gone["resourcePreEvent"]["metadata"]
    facts["old"] = {**facts.pop("new"), "parent": "urn:pulumi:local::fjordkube::fjordkube:bootstrap:Worker::fjord-w1"}
    with Plan(tmp_path / "preview") as plan, open(plan.arguments[1], "w") as log:
        for entry in (gone, event("resOutputsEvent", "x", "same"), event("resourcePreEvent", "nodes-w1", "same")):
            log.write(json.dumps(entry) + "\n")
    assert plan.steps == [
        Step("delete", "command:local:Command", "fjord-w1-joined", "fjord-w1"),
        Step("same", "command:local:Command", "nodes-w1"),
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_failed_command_is_told_by_its_words_and_not_by_its_script(tmp_path: Path) -> None:
    script = '"PATH=\\"$PWD/.venv/bin:$PATH\\"\\nexec python3 -c \'sys.exit(1)\' \\\\ join"'
    message = f"<{{%reset%}}>exit status 1: running {script}:\nw1: joining\nerror: w1: no answer\n<{{%reset%}}>"
    entry = {"severity": "error", "urn": "urn:pulumi:local::fjordkube::command:local:Command::fjord-w1-joined"}
    told = diagnosed(tmp_path, {**entry, "message": message})
    assert told == ["error: fjord-w1-joined: exit status 1:\nw1: joining\nerror: w1: no answer"]
