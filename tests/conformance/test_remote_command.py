"""command:remote:Command against a real sshd: the pinned host key, patience in dialling, and nothing in argv."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.conformance.engine import Stack
from tests.conformance.ssh_daemon import SshDaemon
from tests.unit.ssh_server import line, new_key

NewStack = Callable[[str], Stack]


def _program(create: str, limit: int = 10) -> str:
    return f"""
import json, pulumi
from pulumi_command import remote
given = json.loads(pulumi.Config().require("sshd"))
connection = remote.ConnectionArgs(
    host="127.0.0.1", port=given["port"], user=given["user"], host_key=given["host_key"],
    private_key=pulumi.Config().require_secret("key"), dial_error_limit={limit},
)
c = remote.Command("c", connection=connection, create={create}, delete="true")
pulumi.export("stdout", c.stdout)
"""


def _configured(stack: Stack, sshd: SshDaemon, host_key: str = "") -> Stack:
    import json

    given = {"port": sshd.port, "user": sshd.user, "host_key": host_key or sshd.host_key}
    stack.configure("sshd", json.dumps(given))
    stack.configure("key", sshd.private_key, secret=True)
    return stack


def test_a_large_command_runs_with_no_trace_in_this_machines_clients(new_stack: NewStack, sshd: SshDaemon) -> None:
    sshd.start()
    marker = "FJORD-MARKER"
    # 100 KB of comment, then the marker, then time for a look at the process list.
    stack = _configured(new_stack(_program(f"'# ' + 'x' * 100_000 + '\\necho {marker}; sleep 2'")), sshd)
    seen: list[str] = []
    run = threading.Thread(target=stack.up)
    run.start()
    while run.is_alive():
        seen += _processes_with(marker)
        time.sleep(0.1)
    run.join()
    assert stack.outputs() == {"stdout": marker}
    # sshd runs the command in a shell: on the far side it is visible to that user, as with any SSH client.
    assert seen, "the command was never seen running"
    assert {name for name in seen if name not in ("sh", "bash", "dash")} == set()
    assert "PRIVATE KEY" not in stack.state()
    assert stack.refresh().changes() == {}
    assert stack.destroy().ops("c") == ["delete"]


def test_another_host_key_is_refused(new_stack: NewStack, sshd: SshDaemon) -> None:
    sshd.start()
    stack = _configured(new_stack(_program("'touch /nonexistent/ran'", limit=1)), sshd, line(new_key()[1]))
    result = stack.up(fails=True)
    assert "host key" in result.output.lower()
    assert "c" not in stack.resources()


def test_dialling_waits_for_a_machine_that_boots(new_stack: NewStack, sshd: SshDaemon, tmp_path: Path) -> None:
    log = tmp_path / "runs"
    stack = _configured(new_stack(_program(f"'echo run >> {log}; echo up'", limit=30)), sshd)
    starter = threading.Timer(5, sshd.start)
    starter.start()
    try:
        stack.up()
    finally:
        starter.join()
    assert stack.outputs() == {"stdout": "up"}
    assert log.read_text() == "run\n"


def _processes_with(text: str) -> list[str]:
    """Names of the processes whose argument list holds the text."""
    names = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (entry / "cmdline").read_bytes():
                names.append((entry / "comm").read_text().strip())
        except OSError:
            continue
    return names
