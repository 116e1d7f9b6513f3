"""Disk gates in a whole cluster: one per control plane, after its host and before its etcd; in both modes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from fjordkube.cluster import ClusterArgs, KubernetesCluster
from fjordkube.helpers import launcher
from fjordkube.timing import EMULATED, NATIVE, Timing
from tests.components.bootstrap_mocks import KUBECONFIG, opened
from tests.components.engine_recording import Recording, record, run
from tests.components.images import IMAGES
from tests.components.test_gates import FIGURES
from tests.components.test_ingress import CERTIFICATE, KEY
from tests.golden.bootstrap_cluster import node, stack
from tests.unit.helpers.test_disk_gate import found

BOTH = pytest.mark.parametrize("preview", [False, True])
COMMAND = "command:local:Command"
PLANES = {"cp1": 11, "cp2": 12, "cp3": 13}
NEEDED = {"fdatasync_p99_ms": 10, "iops": 50, "recommended_iops": 500}
DISK: dict[str, Any] = {**found(), "kept": True, "reported_only": "", "needed": NEEDED}


def answer(inputs: dict[str, Any]) -> dict[str, Any]:
    """What each local command of a cluster prints; cp2's disk is slower than the others."""
    verb = str(inputs["create"]).split()[-1]
    if verb == "disk":
        environment = inputs["environment"]
        reached = json.loads(environment.get("value", environment)["FJORDKUBE_NODES"])
        (name,) = (entry["name"] for entry in reached["nodes"])
        return {"stdout": json.dumps(DISK | {"fdatasync_p99_ms": 9.5 if name == "cp2" else 3.2})}
    if verb in FIGURES:
        return {"stdout": json.dumps(FIGURES[verb])}
    return {"stdout": KUBECONFIG + KEY + CERTIFICATE}


def build(
    tmp_path: Path,
    preview: bool,
    timing: Timing = NATIVE,
    look: Any = None,
    gates: Mapping[str, Any] | None = None,
) -> Recording:
    """A cluster of three control planes and one worker, as the engine saw it."""
    engine = record(preview, {COMMAND: answer, "command:remote:Command": lambda _: {"stdout": KUBECONFIG}})

    def program() -> Any:
        nodes = [node(name, "control-plane", last) for name, last in PLANES.items()] + [node("w1", "worker", 101)]
        settings = stack(
            nodes={"source": "local", "control_planes": list(PLANES), "workers": ["w1"]}, gates=dict(gates or {})
        )
        made = KubernetesCluster("fjord", ClusterArgs(settings, nodes, IMAGES, timing))
        return look(made) if look else None

    run(program)
    return engine


def disk_gates(engine: Recording) -> dict[str, Any]:
    return {made.name: made for made in engine.of_type(COMMAND) if made.inputs["create"].endswith(" disk")}


def waits_for(made: Any) -> set[str]:
    """Without what everything on a node waits for: that a living cluster is asked for nothing that it cannot take."""
    return {name for name in made.depends_on if not name.startswith("fjord-immutable-")}


@BOTH
def test_each_control_plane_has_one_below_its_host_and_workers_have_none(tmp_path: Path, preview: bool) -> None:
    gates = disk_gates(build(tmp_path, preview))
    assert set(gates) == {f"fjord-{name}-host-disk" for name in PLANES}
    for name in PLANES:
        gate = gates[f"fjord-{name}-host-disk"]
        assert gate.parent == f"fjord-{name}-host"
        assert waits_for(gate) == {f"fjord-{name}-host-prepared"}
        assert gate.inputs["create"] == launcher.command("disk")
        assert "delete" not in gate.inputs
        assert gate.inputs["logging"] == "stderr"


@BOTH
def test_no_etcd_starts_before_its_disk_was_measured(tmp_path: Path, preview: bool) -> None:
    engine = build(tmp_path, preview)
    for name in PLANES:
        before = engine.seen[f"fjord-{name}-member"].depends_on
        assert {f"fjord-{name}-host-prepared", f"fjord-{name}-host-disk"} <= set(before)
    # a worker waits for no disk but by way of the control plane
    assert "fjord-cp1-host-disk" not in engine.seen["fjord-w1-joined"].depends_on


@BOTH
@pytest.mark.parametrize("gates", [{"disk": {"enabled": False}}, {"enabled": False}])
def test_none_is_measured_where_the_settings_say_so(tmp_path: Path, preview: bool, gates: dict[str, Any]) -> None:
    engine = build(tmp_path, preview, gates=gates)
    assert disk_gates(engine) == {}
    assert waits_for(engine.seen["fjord-cp1-member"]) == {f"fjord-{name}-host-prepared" for name in PLANES}


@BOTH
def test_measures_again_for_another_machine_request_or_bound_and_for_nothing_else(
    tmp_path: Path, preview: bool
) -> None:
    def triggers(**disk: Any) -> list[Any]:
        made = disk_gates(build(tmp_path, preview, gates={"disk": disk, "timeout_seconds": 77}))
        found: list[Any] = made["fjord-cp1-host-disk"].inputs["triggers"]
        return found

    usual = triggers()
    assert usual[:2] == ["cp1 runs", launcher.REVISIONS["gates"]]
    assert triggers() == usual
    for change in ({"measurement": 2}, {"iops": 100}, {"fdatasync_p99_ms": 5}, {"enforce": "never"}):
        assert triggers(**change) != usual, change


def test_it_enters_one_node_and_knows_no_cluster(tmp_path: Path) -> None:
    gate = disk_gates(build(tmp_path, False))["fjord-cp2-host-disk"]
    environment = opened(gate.inputs["environment"])
    assert set(environment) == {"FJORDKUBE_GATE", "FJORDKUBE_NODES", "FJORDKUBE_SCRIPT"}
    reached = json.loads(environment["FJORDKUBE_NODES"])
    assert [(entry["name"], entry["port"]) for entry in reached["nodes"]] == [("cp2", 2212)]
    assert "PRIVATE" not in environment["FJORDKUBE_SCRIPT"] + environment["FJORDKUBE_GATE"] + gate.inputs["create"]


@pytest.mark.parametrize(("timing", "why"), [(NATIVE, ""), (EMULATED, "emulated")])
def test_an_emulated_disk_is_not_asked_to_keep_the_promise(tmp_path: Path, timing: Timing, why: str) -> None:
    for gate in disk_gates(build(tmp_path, False, timing)).values():
        assert json.loads(opened(gate.inputs["environment"])["FJORDKUBE_GATE"])["reported_only"] == why


def test_figures_by_node_join_the_others_and_the_worst_has_the_row(tmp_path: Path) -> None:
    seen: list[Any] = []

    def look(made: KubernetesCluster) -> pulumi.Output[None]:
        async def secrets() -> None:
            assert not await made.figures.is_secret()
            seen.append("asked")

        def compare(values: list[Any]) -> Any:
            figures, rows = values
            assert set(figures) == {"disk", *FIGURES}
            assert {name: each["fdatasync_p99_ms"] for name, each in figures["disk"].items()} == {
                "cp1": 3.2,
                "cp2": 9.5,
                "cp3": 3.2,
            }
            assert rows[0]["promise"] == "etcd's disk"
            assert "(cp2, ext4 on vdb)" in rows[0]["measured"]
            return pulumi.Output.from_input(secrets())

        return pulumi.Output.all(made.figures, made.promises).apply(compare)

    build(tmp_path, False, look=look)
    assert seen == ["asked"]
