"""Host: one remote command, in both modes of the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from fjordkube.cluster import ClusterArgs, KubernetesCluster
from fjordkube.helpers import launcher
from fjordkube.host.host import Host
from fjordkube.host.release import script
from tests.components.bootstrap_mocks import Recorder, opened, with_mocks
from tests.components.engine_recording import record, run
from tests.components.images import IMAGES
from tests.golden.bootstrap_cluster import SANDBOX, host_args, nodes, stack


@pytest.mark.parametrize("preview", [False, True])
def test_one_round_trip_that_runs_again_only_for_another_machine(preview: bool) -> None:
    def program() -> None:
        host = Host("cp1-host", host_args(nodes()[0]))
        assert isinstance(host.ready, pulumi.Output)

    recorder = with_mocks(program, preview)
    (command,) = recorder.of("command:remote:Command")
    assert command["triggers"] == ["cp1 runs"]
    assert command["create"] == command["update"]
    assert SANDBOX in command["create"]
    assert "delete" not in command
    assert _names(recorder) == ["cp1-host", "cp1-host-prepared", "cp1-host-release"]


@pytest.mark.parametrize("preview", [False, True])
def test_machine_that_stays_is_given_back_after_everything_else_of_its_node_is_gone(preview: bool) -> None:
    seen = record(preview)

    def program() -> None:
        Host("cp1-host", host_args(nodes()[0]))

    run(program)
    release = seen.seen["cp1-host-release"]
    assert release.inputs["create"] == "true"
    assert release.inputs["delete"] == launcher.command("release")
    assert "update" not in release.inputs
    assert "triggers" not in release.inputs, "a release that is replaced would reset the machine that was just prepared"
    environment = opened(release.inputs["environment"])
    assert environment["FJORDKUBE_RELEASE_SCRIPT"] == script(nodes()[0])
    assert environment["FJORDKUBE_SSH_KEY"] == "PRIVATE"
    assert release.depends_on == []
    assert seen.seen["cp1-host-prepared"].depends_on == ["cp1-host-release"]


@pytest.mark.parametrize("preview", [False, True])
def test_machine_that_is_deleted_with_the_stack_is_not_tidied_first(preview: bool) -> None:
    def program() -> None:
        made = pulumi.ComponentResource("test:index:Machine", "machine")
        Host("cp1-host", host_args(replace(nodes()[0], machine=made)))

    assert _names(with_mocks(program, preview)) == ["cp1-host", "cp1-host-prepared", "machine"]


def _names(recorder: Recorder) -> list[Any]:
    return sorted(recorder.names)


def test_the_ports_of_the_front_door_reach_every_node() -> None:
    engine = record(preview=True)
    changed = stack(ingress={"http_port": 8080, "https_port": 8444})

    def program() -> None:
        KubernetesCluster("fjord", ClusterArgs(changed, nodes(), IMAGES))

    run(program)
    for name in ("cp1", "w1", "w2"):
        text = str(engine.seen[f"fjord-{name}-host-prepared"].inputs["create"])
        assert "8080,8181,8443-8444,9091" in text
