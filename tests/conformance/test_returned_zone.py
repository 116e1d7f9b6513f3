"""A zone that is known only after create, under the engine: a foreign one stops what needs the machine, in one line."""

from __future__ import annotations

from collections.abc import Callable

from fjordkube.roots import CHECKOUT
from tests.conformance.engine import Stack

NewStack = Callable[[str], Stack]

PROGRAM = f"""
    import sys
    sys.path.insert(0, {str(CHECKOUT)!r})
    import pulumi
    from pulumi_command import local
    from fjordkube.residency import assured

    server = local.Command("server", create="echo RETURNED")
    zone = assured(server.stdout, "cp1", "upcloud", "norway")
    local.Command("prepared", create=zone.apply(lambda found: f"echo prepared in {{found}}"))
    pulumi.export("zone", zone)
"""


def test_a_norwegian_zone_lets_the_run_go_on(new_stack: NewStack) -> None:
    stack = new_stack(PROGRAM.replace("RETURNED", "no-svg1"))
    stack.preview()
    stack.up()
    assert stack.outputs() == {"zone": "no-svg1"}
    assert stack.up().changes() == {}


def test_a_foreign_zone_is_told_without_a_traceback_and_nothing_is_prepared(new_stack: NewStack) -> None:
    stack = new_stack(PROGRAM.replace("RETURNED", "fi-hel1"))
    stack.preview()
    result = stack.up(fails=True)
    assert (
        "nodes[cp1].zone: as the provider returned it, fi-hel1 is in Helsinki (FI), not in Norway; "
        "take the machine down (make down), and use no-svg1, or say residency: eea" in result.output
    )
    assert "Traceback" not in result.output
    assert "server" in stack.resources(), "the machine exists, and a later down deletes it"
    assert "prepared" not in stack.resources()
