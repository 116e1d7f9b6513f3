"""secrets-encryption.sh: made once where a cluster starts, never anew where etcd may need it, read when it ends."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from tests.scripts.machine import Machine

FILE = "/etc/kubernetes/pki/secrets-encryption.yaml"
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
VALUES = {
    "SECRETS_ENCRYPTION_FILE": FILE,
    "SECRETS_KEY": "3",
    "ETCD_DATA": "/var/lib/etcd/data",
    "API_PORT": "6443",
    "INIT_FILE": "/etc/fjordkube/kubeadm/init.yaml",
    "API_WAIT": "1",
}
CLEAR = "- resources: [secrets]\n  providers:\n  - identity: {}\n"
HAVE = "have_encryption\n"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path / "m")
    machine.program("openssl", 'echo "made by $*"')
    return machine


def test_a_cluster_that_starts_makes_its_key_which_is_in_no_argument(machine: Machine) -> None:
    done = machine.run(["secrets-encryption"], VALUES, after=HAVE)
    assert done.returncode == 0, done.stderr
    text = machine.read(FILE)
    assert text.endswith(
        "  providers:\n  - secretbox:\n      keys:\n      - name: key3\n"
        "        secret: made by rand -base64 32\n  - identity: {}\n"
    )
    assert (machine.root / FILE.lstrip("/")).stat().st_mode & 0o777 == 0o600
    assert machine.calls == ["openssl rand -base64 32"]
    assert "made by rand" not in done.stdout + done.stderr
    # a second run, whatever it is asked for, keeps it
    machine.run(["secrets-encryption"], {**VALUES, "SECRETS_KEY": "0"}, after=HAVE)
    assert machine.read(FILE) == text
    assert machine.calls == []


def test_without_encryption_the_file_says_so(machine: Machine) -> None:
    machine.run(["secrets-encryption"], {**VALUES, "SECRETS_KEY": "0"}, after=HAVE)
    assert machine.read(FILE).endswith(CLEAR)
    assert machine.calls == []


def test_a_member_of_before_gets_a_file_that_reads_what_it_has(machine: Machine) -> None:
    machine.write(MANIFEST, "spec: {}\n")
    machine.write("/var/lib/etcd/data/member/wal", "Secrets in the clear")
    done = machine.run(["secrets-encryption"], VALUES, after=HAVE)
    assert done.returncode == 0, done.stderr
    assert machine.read(FILE).endswith(CLEAR)


@pytest.mark.parametrize(
    "there",
    [
        {MANIFEST: f"- --encryption-provider-config={FILE}\n"},
        {"/var/lib/etcd/data/member/wal": "what nobody can read"},
    ],
    ids=["the API server reads it", "etcd has data"],
)
def test_a_lost_key_is_told_and_not_made_anew(machine: Machine, there: dict[str, str]) -> None:
    for path, text in there.items():
        machine.write(path, text)
    done = machine.run(["secrets-encryption"], VALUES, after=HAVE)
    assert done.returncode == 1
    assert f"error: this node: {FILE} is gone" in done.stderr
    assert not machine.exists(FILE)


def test_one_that_joins_has_what_was_brought_or_stops(machine: Machine) -> None:
    brought = base64.b64encode(b"providers: mine\n").decode()
    done = machine.run(["secrets-encryption"], VALUES, before=f"ENCRYPTION={brought}\n", after="receive_encryption\n")
    assert done.returncode == 0, done.stderr
    assert machine.read(FILE) == "providers: mine\n"
    done = machine.run(["secrets-encryption"], VALUES, after="receive_encryption\n")
    assert done.returncode == 1
    assert "the keys of Secrets were not brought" in done.stderr


def test_it_is_shown_and_absent_it_is_empty(machine: Machine) -> None:
    values = {**VALUES, "RUN": "yes"}
    done = machine.run(["secrets-encryption"], values, before="ACTION=show\n")
    assert json.loads(done.stdout) == {"encryption": ""}
    machine.write(FILE, "mine\n")
    done = machine.run(["secrets-encryption"], values, before="ACTION=show\n")
    assert base64.b64decode(json.loads(done.stdout)["encryption"]) == b"mine\n"


def asked_to_write(machine: Machine, text: str, read: str) -> tuple[int, str]:
    """Writes `text` on a control plane whose API server has read `read`."""
    machine.write(FILE, "before\n")
    machine.write("/etc/kubernetes/admin.conf", "    client-key-data: S0VZ\n")
    (machine.root / "run/fjordkube").mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(read.encode()).hexdigest()
    metric = "apiserver_encryption_config_controller_last_config_info"
    machine.program(
        "curl", f'cp "$ROOT/run/fjordkube/reader.pem" "$ROOT/seen"; echo \'{metric}{{hash="sha256:{digest}"}} 1\''
    )
    # the wait passes by itself
    machine.program("sleep")
    brought = base64.b64encode(text.encode()).decode()
    before = f"ACTION=write\nENCRYPTION={brought}\n"
    values = {**VALUES, "RUN": "yes", "API_WAIT": "-119"}
    done = machine.run(["control-plane", "secrets-encryption"], values, before=before)
    return done.returncode, done.stdout + done.stderr


def test_it_is_done_when_the_api_server_has_read_it(machine: Machine) -> None:
    machine.program("flock")
    assert asked_to_write(machine, "after\n", read="after\n") == (0, '{"read":true}\n')
    assert machine.read(FILE) == "after\n"
    assert machine.read("/seen") == "KEY"
    assert not machine.exists("/run/fjordkube/reader.pem")


def test_what_the_api_server_does_not_read_is_a_bounded_failure(machine: Machine) -> None:
    machine.program("flock")
    code, said = asked_to_write(machine, "after\n", read="before\n")
    assert code == 1
    assert f"error: the API server has not read {FILE} after" in said
