"""The language host: a program's configuration, outputs and errors."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.engine import Stack

NewStack = Callable[[str], Stack]


def test_a_program_reads_configuration_and_gives_outputs(new_stack: NewStack) -> None:
    stack = new_stack(
        """
        import os, sys
        import pulumi
        config = pulumi.Config()
        pulumi.export("plain", config.require("plain"))
        pulumi.export("shut", config.require_secret("shut"))
        pulumi.export("places", [os.getcwd() == os.path.dirname(os.path.abspath(__file__)), pulumi.get_stack()])
        print("said by the program")
        """
    )
    stack.configure("plain", "seen")
    stack.configure("shut", "hunter2", secret=True)
    result = stack.up()
    assert "said by the program" in result.output
    assert stack.outputs() == {"plain": "seen", "shut": "hunter2", "places": [True, "dev"]}
    assert "hunter2" not in result.output
    assert "hunter2" not in stack.state()


def test_an_unhandled_exception_is_told_with_the_programs_own_frames(new_stack: NewStack) -> None:
    stack = new_stack(
        """
        def broken():
            raise ValueError("what went wrong")
        broken()
        """
    )
    result = stack.preview(fails=True)
    assert "ValueError: what went wrong" in result.output
    assert "in broken" in result.output
    assert "run_in_stack" not in result.output
    assert result.output.count("what went wrong") == 2, "the source line and the message, once each"


def test_an_error_for_the_user_has_no_traceback(new_stack: NewStack) -> None:
    stack = new_stack(
        """
        import pulumi
        raise pulumi.RunError("nodes.count is 0; use 1 or more")
        """
    )
    result = stack.preview(fails=True)
    assert "nodes.count is 0; use 1 or more" in result.output
    assert "Traceback" not in result.output


def test_a_component_with_children_previews_from_an_empty_stack(new_stack: NewStack) -> None:
    stack = new_stack(
        """
        import pulumi
        class Part(pulumi.ComponentResource):
            def __init__(self, name):
                super().__init__("test:index:Part", name)
                self.register_outputs({"value": 1})
        Part("part")
        """
    )
    assert stack.preview().ops("part") == ["create"]
    assert stack.up().ops("part") == ["create"]
    assert stack.up().changes() == {}
