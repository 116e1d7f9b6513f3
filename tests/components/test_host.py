"""Host: one remote command, in both modes of the engine."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from components.host import Host, HostArgs
from components.pace import NATIVE
from tests.components.bootstrap_mocks import Recorder, with_mocks
from tests.golden.bootstrap_cluster import SANDBOX, nodes, stack


@pytest.mark.parametrize("preview", [False, True])
def test_one_round_trip_that_runs_again_only_for_another_machine(preview: bool) -> None:
    def program() -> None:
        every = nodes()
        host = Host("cp1-host", HostArgs(every[0], stack(), NATIVE, every, SANDBOX))
        assert isinstance(host.ready, pulumi.Output)

    recorder = with_mocks(program, preview)
    (command,) = recorder.of("command:remote:Command")
    assert command["triggers"] == ["cp1 runs"]
    assert command["create"] == command["update"]
    assert SANDBOX in command["create"]
    assert "delete" not in command
    assert _names(recorder) == ["cp1-host", "cp1-host-prepared"]


def _names(recorder: Recorder) -> list[Any]:
    return sorted(recorder.names)
