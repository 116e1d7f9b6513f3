"""command:local:Command: the life of a command, told by the file it writes to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.conformance.engine import Stack

NewStack = Callable[[str], Stack]


def _program(log: Path, **inputs: str) -> str:
    """A command that writes a line for each of its operations; `inputs` are Python expressions."""
    given = {"create": f"'echo create >> {log}; echo made'", "delete": f"'echo delete >> {log}'", **inputs}
    arguments = ", ".join(f"{key}={value}" for key, value in given.items())
    return f"""
import pulumi
from pulumi_command import local
c = local.Command("c", {arguments})
pulumi.export("stdout", c.stdout)
"""


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def test_create_update_replace_delete(new_stack: NewStack, tmp_path: Path) -> None:
    log = tmp_path / "log"
    stack = new_stack(_program(log))
    assert stack.preview().ops("c") == ["create"]
    assert _lines(log) == []
    assert stack.up().changes()["c"] == ["create"]
    assert _lines(log) == ["create"]
    assert stack.outputs() == {"stdout": "made"}
    assert stack.up().changes() == {}

    update = f"'echo update after $PULUMI_COMMAND_STDOUT >> {log}; echo changed'"
    stack.program(_program(log, update=update))
    updated = stack.up()
    assert updated.changes()["c"] == ["update"]
    assert updated.diff("c") == {"update": "add"}
    assert _lines(log) == ["create", "update after made"]
    assert stack.outputs() == {"stdout": "changed"}

    # A trigger replaces, with or without `update` (pulumi-command#855).
    stack.program(_program(log, update=update, triggers="['a']"))
    stack.up()

    log.unlink()
    stack.program(_program(log, update=update, triggers="['b']"))
    replaced = stack.up()
    assert "replace" in replaced.ops("c")
    assert replaced.diff("c")["triggers[0]"] == "update-replace"
    assert _lines(log) == ["create", "delete"]

    assert stack.destroy().ops("c") == ["delete"]
    assert _lines(log)[-1] == "delete"


def test_a_failed_command_fails_the_run_with_its_output(new_stack: NewStack) -> None:
    stack = new_stack(
        """
        from pulumi_command import local
        local.Command("c", create="echo the reason >&2; exit 4")
        """
    )
    result = stack.up(fails=True)
    assert "exit status 4" in result.output
    assert "the reason" in result.output
    assert "c" not in stack.resources()


def test_secrets_stay_secret(new_stack: NewStack) -> None:
    stack = new_stack(
        """
        import pulumi
        from pulumi_command import local
        word = pulumi.Config().require_secret("word")
        local.Command(
            "c", create="echo $WORD", environment={"WORD": word}, logging=local.Logging.NONE,
            opts=pulumi.ResourceOptions(additional_secret_outputs=["stdout"]),
        )
        """
    )
    stack.configure("word", "hunter2", secret=True)
    result = stack.up()
    assert "hunter2" not in result.output
    assert "hunter2" not in stack.state()
    assert "ciphertext" in str(stack.resources()["c"]["outputs"]["stdout"])
    assert "hunter2" in stack.command("stack", "export", "--show-secrets")


def test_a_cancelled_run_ends_its_command(new_stack: NewStack, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    stack = new_stack(
        f"""
        from pulumi_command import local
        local.Command("c", create="echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; exec sleep 300")
        """
    )
    run = stack.start_up()
    _until(pid_file.exists)
    child = Path("/proc") / pid_file.read_text().strip()
    assert child.exists()
    stack.interrupt(run)
    assert run.returncode != 0
    _until(lambda: not child.exists())
    # The next run takes up where this one ended.
    stack.program(
        """
        from pulumi_command import local
        local.Command("c", create="echo done")
        """
    )
    assert stack.up().changes()["c"] == ["create"]


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)
