"""Zones as providers return them, in both modes: a foreign one stops everything that needs the machine."""

from __future__ import annotations

import dataclasses
import gc
import logging
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from fjordkube.host.host import Host
from fjordkube.node import Node
from fjordkube.residency import DeclaredResidency, DeclaredResidencyArgs, asserted, assured, says_zone
from fjordkube.settings import load
from fjordkube.settings.residency import Residency
from tests.components.bootstrap_mocks import opened
from tests.components.engine_recording import Recording, record, run
from tests.golden.bootstrap_cluster import host_args, nodes

SERVER = "test:index:Server"
PREPARED = "cp1-host-prepared"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The run's error is the test's; what else waited for the zone would report it once more at the end."""
    logger = logging.getLogger("asyncio")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    gc.collect()
    logger.setLevel(level)


class Server(pulumi.CustomResource):
    zone: pulumi.Output[str]

    def __init__(self, name: str) -> None:
        super().__init__(SERVER, name, {"zone": None})


def returning(zone: str) -> Any:
    return {SERVER: lambda _: {"zone": zone}}


def host_on_a_server(provider: str = "upcloud", residency: Residency = "norway") -> None:
    """One host, on a machine whose provider says the zone once it is made."""
    cp1 = nodes()[0]
    placed = asserted(dataclasses.replace(cp1, zone=Server("cp1-server").zone), provider, residency)
    assert says_zone(placed)
    Host("cp1-host", host_args(placed))


def refusal(recording_of: str, residency: Residency = "norway") -> tuple[str, Recording]:
    recording = record(preview=False, outputs=returning(recording_of))
    with pytest.raises(pulumi.RunError) as caught:
        run(lambda: host_on_a_server(residency=residency))
    return str(caught.value), recording


def test_a_foreign_returned_zone_fails_the_run_before_the_host_is_touched() -> None:
    message, recording = refusal("fi-hel1")
    assert message == (
        "nodes[cp1].zone: as the provider returned it, fi-hel1 is in Helsinki (FI), not in Norway; "
        "take the machine down (make down), and use no-svg1, or say residency: eea"
    )
    assert PREPARED not in recording.seen
    assert "cp1-server" in recording.seen


@pytest.mark.parametrize("returned", ["", "NO-SVG1", "no-svg1 ", "somewhere"])
def test_a_returned_zone_that_nobody_knows_fails_the_run(returned: str) -> None:
    for residency in ("norway", "eea", "any"):
        message, recording = refusal(returned, residency)
        assert message.startswith("nodes[cp1].zone: ")
        assert PREPARED not in recording.seen


def test_a_norwegian_returned_zone_passes_with_nothing_lost_of_the_connection() -> None:
    recording = record(preview=False, outputs=returning("no-svg1"))
    run(host_on_a_server)
    prepared = recording.seen[PREPARED]
    connection = opened(prepared.inputs["connection"])
    assert connection["host"] == "127.0.0.1"
    assert connection["port"] == 2211
    assert connection["hostKey"] == "ssh-ed25519 AAAA"
    assert connection["dialErrorLimit"] == 70
    assert connection["perDialTimeout"] == 30
    assert "cp1-server" in prepared.depends_on


def test_a_zone_within_a_wider_residency_passes() -> None:
    recording = record(preview=False, outputs=returning("fi-hel1"))
    run(lambda: host_on_a_server(residency="eea"))
    assert PREPARED in recording.seen


def test_a_zone_that_is_unknown_at_preview_holds_nothing_up() -> None:
    recording = record(preview=True)
    run(host_on_a_server)
    assert PREPARED in recording.seen


@pytest.mark.parametrize("preview", [False, True])
def test_a_zone_that_is_known_at_once_is_judged_in_both_modes(preview: bool) -> None:
    record(preview)

    def foreign() -> None:
        pulumi.export("zone", assured("se-sto1", "w1", "existing", "norway"))

    with pytest.raises(pulumi.RunError, match=r"nodes\[w1\].zone: .*se-sto1 is in SE, not in Norway"):
        run(foreign)


def test_a_node_whose_source_says_no_zone_is_left_as_it_is() -> None:
    cp1: Node = nodes()[0]
    assert asserted(cp1, "local", "norway") is cp1


@pytest.mark.parametrize("preview", [False, True])
def test_what_a_stack_wants_is_a_resource_with_everything_it_declares(preview: bool) -> None:
    settings = load({"residency": "eea", "data": {"state": {"location": "norwayeast"}}})
    recording = record(preview)

    def program() -> None:
        DeclaredResidency("residency", DeclaredResidencyArgs.of(settings))

    run(program)
    (found,) = recording.of_type("fjordkube:residency:DeclaredResidency")
    assert found.inputs == {"wanted": "eea", "zones": [], "data": {"state": "norwayeast"}}
    assert found.outputs == found.inputs
