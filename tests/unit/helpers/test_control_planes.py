"""Control planes that become members and leave, against pretended machines: whichever lives is asked, none is started
beside a cluster that does not answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fjordkube.helpers.ssh import with_keys_apart
from tests.unit.helpers.fakes import FakeApi, joins, node_machine, run

MEMBER = """
echo "$MAY" >>"$FJORDKUBE_ROOT/asked"
case $MAY in
  look) state=$(<"$FJORDKUBE_ROOT/state") ;;
  join) [ -n "$DISCOVERY" ] && [ "${#CERTIFICATE_KEY}" = 64 ] && [ "$ENCRYPTION" = bWluZQo= ] && state=member ;;
  *) state=member ;;
esac
printf '{"state":"%s","kubeconfig":"%s"}\\n' "$state" "$(base64 -w0 <"$FJORDKUBE_ROOT/../../kubeconfig")"
"""
PEER = """
echo "$ACTION ${MEMBER:-}" >>"$FJORDKUBE_ROOT/asked"
if [ "$ACTION" = look ]; then cat "$FJORDKUBE_ROOT/answer"; else echo '{"encryption":"bWluZQo="}'; fi
"""
OWN, OTHERS = 2211, {"cp2": 2212, "cp3": 2213}


def member(number: int, name: str, learner: bool = False) -> dict[str, Any]:
    found = {"ID": str(number), "name": name, "peerURLs": [f"https://192.168.77.1{number}:2380"]}
    return {**found, "isLearner": True} if learner else found


class Planes:
    """cp1, whose membership it is, and two others."""

    def __init__(self, api: FakeApi, base: dict[str, str], folder: Path) -> None:
        self.api, self.folder = api, folder
        (folder / "kubeconfig").write_text(api.kubeconfig())
        self.own = node_machine(folder, OWN)
        self.others = {name: node_machine(folder, port) for name, port in OTHERS.items()}
        self.is_here("absent")
        for name in OTHERS:
            self.other(name, "absent")
        way = {"host": "127.0.0.1", "user": "root", "key": "PRIVATE KEY", "host_key": "ssh-ed25519 AAAA"}
        listed = [{"name": name, "port": port, "api": f"127.0.0.1:{api.port}", **way} for name, port in OTHERS.items()]
        self.environment = {
            **base,
            "FJORDKUBE_NODE": "cp1",
            "FJORDKUBE_ADDRESS": "192.168.77.11",
            "FJORDKUBE_API": f"127.0.0.1:{api.port}",
            "FJORDKUBE_ENDPOINT": "api.fjord.internal:6443",
            "FJORDKUBE_PEERS": with_keys_apart(listed),
            "FJORDKUBE_PEER_SCRIPT": PEER,
            **{f"FJORDKUBE_SSH_{part.upper()}": value for part, value in way.items()},
            "FJORDKUBE_SSH_PORT": str(OWN),
            "FJORDKUBE_SCRIPT": MEMBER,
            "FJORDKUBE_ANNOTATIONS": '{"example.com/address": "192.168.77.11/24"}',
            "FJORDKUBE_LABELS": "{}",
            "FJORDKUBE_TAINTS": "[]",
            "FJORDKUBE_WAIT": "2",
            "FJORDKUBE_DRAIN": "1",
        }

    def is_here(self, state: str) -> None:
        self.own.write("/state", state)

    def other(self, name: str, state: str, members: Sequence[dict[str, Any]] | None = None) -> None:
        """What another says; with `members` its API answers."""
        answer: dict[str, Any] = {"state": state, "answers": members is not None}
        if members is not None:
            kubeconfig = base64.b64encode(self.api.kubeconfig(port=1).encode()).decode()
            answer |= {"etcd": {"members": members}, "kubeconfig": kubeconfig}
        self.others[name].write("/answer", json.dumps(answer))

    def unreached(self, name: str) -> None:
        self.others[name].write("/answer", "not JSON")
        self.environment["FJORDKUBE_PEER_SCRIPT"] = f'[ -e "$FJORDKUBE_ROOT/{name}" ] && exit 255\n' + PEER
        self.others[name].write(f"/{name}", "")

    def asked(self, name: str = "cp1") -> list[str]:
        machine = self.own if name == "cp1" else self.others[name]
        return [line.strip() for line in machine.read("/asked").splitlines()] if machine.exists("/asked") else []

    def become(self) -> dict[str, Any]:
        done = run("member", self.environment)
        assert done.returncode == 0, done.stderr
        assert "kubeconfig" not in done.stdout
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def refused(self) -> str:
        done = run("member", self.environment)
        assert done.returncode == 1
        return done.stderr


@pytest.fixture
def planes(api: FakeApi, base: dict[str, str], tmp_path: Path) -> Planes:
    return Planes(api, base, tmp_path)


def test_one_starts_where_no_other_has_anything_of_a_cluster(planes: Planes) -> None:
    assert planes.become() == {"node": "cp1", "state": "member"}
    assert planes.asked() == ["look", "start"]
    assert planes.api.asked == []


def test_a_member_is_asked_once_and_no_other_is(planes: Planes) -> None:
    planes.is_here("member")
    planes.api.nodes.add("cp1")
    planes.become()
    assert (planes.asked(), planes.asked("cp2")) == (["look"], [])
    assert planes.api.annotations == {"cp1": {"example.com/address": "192.168.77.11/24"}}


def known_as(api: FakeApi, name: str) -> None:
    """From now on the node is known as soon as a token was made."""
    joins(api)
    plain = api.answer

    def answer(method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        if path.endswith("/secrets"):
            api.nodes.add(name)
        return plain(method, path, body)

    api.answer = answer  # type: ignore[method-assign]


def test_a_machine_made_anew_joins_through_any_that_lives(planes: Planes) -> None:
    known_as(planes.api, "cp1")
    planes.api.nodes.add("cp1")
    planes.other("cp2", "member")
    planes.other("cp3", "member", [member(1, "cp1"), member(2, "cp2"), member(3, "cp3"), member(9, "", learner=True)])
    planes.become()
    assert planes.asked() == ["look", "join"]
    # its own of before, and a join of anybody's that was cut
    assert planes.asked("cp3") == ["look", "forget 1", "forget 9", "keys"]
    assert planes.api.asked.index("DELETE /api/v1/nodes/cp1") < planes.api.asked.index(
        "POST /api/v1/namespaces/kube-system/secrets"
    )
    assert planes.api.secrets == {}
    assert "DELETE /api/v1/namespaces/kube-system/secrets/kubeadm-certs" in planes.api.asked


def test_a_join_that_stumbles_is_begun_anew_once(planes: Planes) -> None:
    known_as(planes.api, "cp1")
    planes.other("cp2", "member", [member(2, "cp2"), member(9, "", learner=True)])
    stumbles = '[ "$MAY" != join ] || [ -e "$FJORDKUBE_ROOT/once" ] || { : >"$FJORDKUBE_ROOT/once"; exit 1; }\n'
    planes.environment["FJORDKUBE_SCRIPT"] = stumbles + MEMBER
    planes.become()
    assert planes.asked() == ["look", "join"]
    assert planes.asked("cp2") == ["look", "forget 9", "keys"] * 2
    assert planes.api.secrets == {}


@pytest.mark.parametrize(
    ("state", "told"), [("member", "cp2 is a member whose API is not ready"), ("begun", "cp2 is half-way into")]
)
def test_none_starts_beside_a_cluster_that_does_not_answer(planes: Planes, state: str, told: str) -> None:
    planes.other("cp2", state)
    said = planes.refused()
    assert "cp1: is no member, and the cluster does not answer: " + told in said
    assert "a second cluster is not started beside the first" in said
    assert planes.asked() == ["look"]


def test_none_starts_while_another_cannot_be_asked(planes: Planes) -> None:
    planes.unreached("cp3")
    assert "cp3 is not reached" in planes.refused()
    assert planes.asked() == ["look"]


def test_a_silent_member_that_the_cluster_knows_is_waited_for(planes: Planes) -> None:
    planes.is_here("silent")
    planes.api.nodes.add("cp1")
    planes.other("cp2", "member", [member(1, "cp1"), member(2, "cp2")])
    planes.become()
    assert planes.asked() == ["look", "wait"]


def test_a_silent_member_that_was_taken_out_joins_anew(planes: Planes) -> None:
    known_as(planes.api, "cp1")
    planes.is_here("silent")
    planes.other("cp2", "member", [member(2, "cp2"), member(3, "cp3")])
    planes.become()
    assert planes.asked() == ["look", "join"]


def test_all_of_a_cluster_that_rests_is_waited_for(planes: Planes) -> None:
    """After a power cut no API answers; the first asked must not give up on the others."""
    planes.is_here("silent")
    planes.api.nodes.add("cp1")
    planes.other("cp2", "member")
    planes.unreached("cp3")
    planes.become()
    assert planes.asked() == ["look", "wait"]


def test_leaves_through_another_that_lives(planes: Planes) -> None:
    planes.api.nodes.add("cp1")
    planes.other("cp3", "member", [member(1, "cp1"), member(3, "cp3")])
    done = run("remove", planes.environment)
    assert done.returncode == 0, done.stderr
    assert planes.asked("cp3") == ["look", "forget 1"]
    assert planes.api.nodes == set()


def test_the_last_one_leaves_without_a_cluster(planes: Planes) -> None:
    done = run(
        "remove", {**planes.environment, "FJORDKUBE_RESET_SCRIPT": 'echo reset >"$FJORDKUBE_ROOT/reset"; echo {}'}
    )
    assert done.returncode == 0, done.stderr
    assert "cp1: not removed from the cluster, going on: no other control plane answers" in done.stderr
    assert planes.own.read("/reset") == "reset\n"
