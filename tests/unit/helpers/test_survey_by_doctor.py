"""doctor asks hosts that exist what `up` would ask, and names everything that stands in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from commands import doctor
from fjordkube import images
from fjordkube.images import Images
from fjordkube.nodes.existing import host_keys
from fjordkube.settings import load
from tests.unit.helpers.test_survey import IMAGES, NAMES, ready
from tests.unit.ssh_server import line, new_key
from tests.unit.test_settings_existing import nodes


def test_hosts_are_told_or_what_stands_in_their_way(
    base: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = new_key()
    (tmp_path / "key").write_text(private)
    (tmp_path / "key").chmod(0o600)
    machines = {name: ready(tmp_path, name) for name in NAMES}
    entries = {name: {"name": name, "host": "127.0.0.1", "port": 2200 + last} for name, last in NAMES.items()}
    (tmp_path / "known").write_text(
        "".join(host_keys.line("127.0.0.1", 2200 + n, line(public)) for n in NAMES.values())
    )
    settings = load(
        nodes(
            ssh={"key_file": str(tmp_path / "key"), "known_hosts": str(tmp_path / "known")},
            control_planes=[{**entries["cp1"], "etcd_disk": "LABEL=etcd"}],
            workers=[entries["w1"], entries["w2"]],
        )
    )

    def made_of(*_: str) -> Images:
        return Images(IMAGES, "fjordkube.local")

    for name, value in {**base, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(images, "built", made_of)
    assert doctor._hosts(settings, "test") == []
    told = capsys.readouterr().out
    assert "w1: Debian GNU/Linux 12 (bookworm), kernel 6.1.0-31-amd64, kvm, 2 processors, 4096 MiB" in told
    machines["w2"].write("/proc/meminfo", "MemTotal: 1 kB\n")
    (problem,) = doctor._hosts(settings, "test")
    assert problem.splitlines()[0] == "1 problem on 1 of 3 hosts, and nothing was changed:"
    assert "w2: has 0 MiB of memory" in problem
