"""The verb health: every node's facts in one answer, and one that does not answer beside them."""

from __future__ import annotations

import json
import time
from pathlib import Path

from fjordkube.health import question
from tests.scripts.certificates import made
from tests.unit.helpers.fakes import node_machine, run

COMMON = {"user": "root", "key": "PRIVATE KEY", "host_key": "ssh-ed25519 AAAA", "host": "127.0.0.1"}


def test_nodes_are_asked_at_once_and_one_that_is_silent_is_told(base: dict[str, str], tmp_path: Path) -> None:
    for port in (2201, 2202):
        machine = node_machine(tmp_path, port)
        machine.write("/etc/kubernetes/pki/ca.crt", made(90)[0])
        for name in ("df", "timedatectl", "chronyc", "systemctl", "runc", "socat", "curl"):
            machine.program(name, "sleep 2" if name == "systemctl" else "exit 1")
    (tmp_path / "2203" / "bin").mkdir(parents=True)
    (tmp_path / "2203" / "bin" / "bash").write_text(
        "#!/bin/sh\necho 'ssh: connect: Connection refused' >&2; exit 255\n"
    )
    (tmp_path / "2203" / "bin" / "bash").chmod(0o755)
    entries = [{"name": f"n{port}", "port": port, **COMMON} for port in (2201, 2202, 2203)]
    begun = time.time()
    done = run("health", {**base, **question.environment(entries)})
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    nodes = json.loads(line)["nodes"]
    assert list(nodes) == ["n2201", "n2202", "n2203"]
    for name in ("n2201", "n2202"):
        assert nodes[name]["facts"]["whole"] == ["yes"]
        assert nodes[name]["facts"]["certificate"][0].startswith("/etc/kubernetes/pki/ca.crt ")
        assert begun <= nodes[name]["begun"] <= nodes[name]["ended"] <= time.time()
    spans = [(nodes[name]["begun"], nodes[name]["ended"]) for name in ("n2201", "n2202")]
    assert max(start for start, _ in spans) < min(end for _, end in spans)
    assert nodes["n2203"] == {"silent": "is not reachable by SSH at 127.0.0.1 port 2203 (connect: Connection refused)"}
    assert "PRIVATE KEY" not in done.stdout + done.stderr
