"""Host keys: found in ssh's file however it names a host, collected once, and never overwritten by another."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands.__main__ import main
from fjordkube.nodes.existing import host_keys
from tests.unit.ssh_server import SshServer, free_port, line, new_key
from tests.unit.test_settings_existing import FIREWALL

ONE, TWO, THREE = (line(new_key()[1]) for _ in range(3))


def rsa(folder: Path) -> str:
    """An RSA key's public line."""
    made = folder / "rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(made)], check=True)
    return " ".join(made.with_suffix(".pub").read_text().split()[:2])


# --- The file --------------------------------------------------------------------------------------------------------


def test_host_is_found_by_address_and_port() -> None:
    text = (
        f"203.0.113.11 {ONE}\n[203.0.113.11]:2222 {TWO} comment\n\n# 203.0.113.12 {THREE}\nother,203.0.113.13 {THREE}\n"
    )
    assert host_keys.pinned(text, "203.0.113.11", 22) == ONE
    assert host_keys.pinned(text, "203.0.113.11", 2222) == TWO
    assert host_keys.pinned(text, "203.0.113.13", 22) == THREE
    assert host_keys.pinned(text, "203.0.113.12", 22) is None
    assert host_keys.pinned(text, "203.0.113.1", 22) is None


def test_names_that_ssh_has_hashed_are_found(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"203.0.113.11 {ONE}\n[203.0.113.11]:2222 {TWO}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    text = file.read_text()
    assert "203" not in text
    assert host_keys.pinned(text, "203.0.113.11", 22) == ONE
    assert host_keys.pinned(text, "203.0.113.11", 2222) == TWO
    assert host_keys.pinned(text, "203.0.113.12", 22) is None


def test_of_several_types_the_preferred_one_is_pinned_whatever_the_order(tmp_path: Path) -> None:
    other = rsa(tmp_path)
    lines = [f"h {other}\n", f"h {ONE}\n"]
    assert host_keys.pinned("".join(lines), "h", 22) == host_keys.pinned("".join(reversed(lines)), "h", 22) == ONE
    assert host_keys.pinned(lines[0], "h", 22) == other


def test_authorities_and_revoked_keys_are_no_keys_of_a_host() -> None:
    text = f"@cert-authority h {ONE}\n@revoked h {TWO}\nh ssh-dss AAAA\nh\n|1|bad h {ONE}\n|1|%%|%% {ONE}\n"
    assert host_keys.pinned(text, "h", 22) is None


def test_two_keys_of_one_type_are_told_and_one_that_stands_twice_is_one() -> None:
    with pytest.raises(ValueError, match="has two different keys of type ssh-ed25519 for h"):
        host_keys.pinned(f"h {ONE}\nh {TWO}\n", "h", 22)
    assert host_keys.pinned(f"h {ONE}\nh {ONE}\n", "h", 22) == ONE


def test_fingerprint_is_the_one_that_ssh_keygen_shows(tmp_path: Path) -> None:
    file = tmp_path / "key.pub"
    file.write_text(ONE + "\n")
    done = subprocess.run(["ssh-keygen", "-lf", str(file)], check=True, capture_output=True, text=True)
    assert host_keys.fingerprint(ONE) == done.stdout.split()[1]


# --- Collecting ------------------------------------------------------------------------------------------------------


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[SshServer]]:
    """A bastion and two hosts."""
    with SshServer(tmp_path) as one, SshServer(tmp_path) as two, SshServer(tmp_path) as three:
        yield [one, two, three]


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return tmp_path / "deeper" / "known_hosts"


def key_of(server: SshServer) -> str:
    return str(server.connection["hostKey"])


def place(server: SshServer) -> str:
    return f"[127.0.0.1]:{server.connection['port']}"


def collect(
    tmp_path: Path, known: Path, hosts: list[SshServer], bastion: SshServer | None = None, **worker: Any
) -> int:
    """`host-keys` for these hosts; its exit code."""
    ssh: dict[str, Any] = {"known_hosts": str(known)}
    if bastion:
        key = tmp_path / "jump"
        key.write_text(bastion.connection["privateKey"])
        key.chmod(0o600)
        at = {"host": "127.0.0.1", "port": bastion.connection["port"], "key_file": str(key)}
        ssh["bastion"] = at
    first, second = ({"host": "127.0.0.1", "port": host.connection["port"]} for host in hosts)
    content = {
        "nodes": {
            "source": "existing",
            "private_cidr": "10.1.0.0/24",
            "zone": "no-osl1",
            "ssh": ssh,
            "control_planes": [{"name": "cp1", "etcd_disk": "root", **first}],
            "workers": [{"name": "w1", **second, **worker}],
        },
        **FIREWALL,
    }
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(yaml.safe_dump({"config": {"fjordkube:stack": content}}))
    return main(["host-keys", "--stack", "test", "--settings", str(file)])


def test_unknown_keys_are_written_once_and_shown_to_compare(
    servers: list[SshServer], tmp_path: Path, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = servers[1:]
    assert collect(tmp_path, known, hosts) == 0
    said = capsys.readouterr().out
    for host in hosts:
        assert f"{host_keys.fingerprint(key_of(host))} new" in said
        assert host.commands == [], "nobody is let in"
    assert "compare each with what its host says of itself: ssh-keygen -lf" in said
    text = known.read_text()
    assert text == "".join(f"{place(host)} {key_of(host)}\n" for host in hosts)
    assert collect(tmp_path, known, hosts) == 0
    assert known.read_text() == text
    assert "nothing was written" in capsys.readouterr().out


def test_bastion_is_collected_first_and_gone_through(servers: list[SshServer], tmp_path: Path, known: Path) -> None:
    bastion, *hosts = servers
    assert collect(tmp_path, known, hosts, bastion) == 0
    assert known.read_text() == "".join(f"{place(host)} {key_of(host)}\n" for host in servers)
    assert len(bastion.forwarded) == 2
    assert bastion.commands == []


def test_key_that_differs_from_the_files_is_told_and_not_overwritten(
    servers: list[SshServer], tmp_path: Path, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = servers[1:]
    known.parent.mkdir()
    before = f"{place(hosts[1])} {ONE}"  # no end of line: what a person wrote
    known.write_text(before)
    assert collect(tmp_path, known, hosts) == 1
    told = capsys.readouterr().err
    shown, pinned = host_keys.fingerprint(key_of(hosts[1])), host_keys.fingerprint(ONE)
    assert f"nodes.workers[w1].host_key: 127.0.0.1 port {hosts[1].connection['port']} shows {shown}" in told
    assert f"{known} has {pinned}; if that machine was installed anew, take the old line out" in told
    assert known.read_text() == f"{before}\n{place(hosts[0])} {key_of(hosts[0])}\n", "the other host's is collected"


def test_key_that_differs_from_the_settings_is_told(
    servers: list[SshServer], tmp_path: Path, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect(tmp_path, known, servers[1:], host_key=ONE) == 1
    assert "the settings pin " + host_keys.fingerprint(ONE) in capsys.readouterr().err
    assert place(servers[2]) not in known.read_text()


def test_host_that_lost_the_pinned_type_of_key_differs(
    servers: list[SshServer], tmp_path: Path, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect(tmp_path, known, servers[1:], host_key=rsa(tmp_path)) == 1
    assert f"shows {host_keys.fingerprint(key_of(servers[2]))}, and the settings pin" in capsys.readouterr().err


def test_hosts_that_do_not_answer_are_all_named_and_the_others_collected(
    servers: list[SshServer], tmp_path: Path, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = SshServer(tmp_path, port=free_port(), start=False)
    assert collect(tmp_path, known, [gone, servers[1]]) == 1
    told = capsys.readouterr().err
    assert "nodes.control_planes[cp1].host_key: 127.0.0.1" in told
    assert "shows no key (connect to host 127.0.0.1" in told
    assert "; start the machine" in told
    assert known.read_text() == f"{place(servers[1])} {key_of(servers[1])}\n"


def test_bastion_that_does_not_answer_is_named_and_no_host_asked(
    servers: list[SshServer], tmp_path: Path, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = SshServer(tmp_path, port=free_port(), start=False)
    assert collect(tmp_path, known, servers[1:], gone) == 1
    told = capsys.readouterr().err
    assert "nodes.ssh.bastion.host_key" in told
    assert "no host behind the bastion was asked" in told
    assert [host.dials for host in servers] == [0, 0, 0]


def test_another_source_has_no_keys_to_collect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text("config: {'fjordkube:stack': {}}\n")
    assert main(["host-keys", "--settings", str(file)]) == 1
    assert "nodes.source: is local, whose machines get their host keys" in capsys.readouterr().err
