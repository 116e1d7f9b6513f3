"""ExistingMachines: one survey for all hosts, nodes known at preview, and a cluster that leaves hosts as they were."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.rpc import _special_sig_key

from fjordkube.cluster import ClusterArgs, KubernetesCluster
from fjordkube.errors import MachineError
from fjordkube.helpers import launcher
from fjordkube.helpers.gates.targets import targets
from fjordkube.host import units
from fjordkube.nodes.existing import host_keys, source
from fjordkube.settings import Stack, load
from fjordkube.timing import NATIVE
from tests.components.bootstrap_mocks import KUBECONFIG, opened
from tests.components.engine_recording import Recording, record, run
from tests.components.images import IMAGES
from tests.components.test_gates import FIGURES
from tests.components.test_ingress import CERTIFICATE, KEY
from tests.unit.helpers.test_disk_gate import found
from tests.unit.ssh_server import line, new_key
from tests.unit.test_settings_existing import CONTROL_PLANE, WORKERS, nodes

BOTH = pytest.mark.parametrize("preview", [False, True])
COMMAND = "command:local:Command"
PRIVATE = new_key()[0]
JUMP = new_key()[0]
KEYS = {name: line(new_key()[1]) for name in ("cp1", "w1", "w2", "w3", "bastion")}
HOSTS = {"cp1": "203.0.113.11", "w1": "203.0.113.21", "w2": "203.0.113.22"}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """`ssh` of a stack file whose keys are there."""
    for name, text in (("key", PRIVATE), ("jump", JUMP)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    known = [host_keys.line(host, 22, KEYS[name]) for name, host in HOSTS.items()]
    (tmp_path / "known_hosts").write_text("".join(known))
    return {"key_file": str(tmp_path / "key"), "known_hosts": str(tmp_path / "known_hosts")}


def stack(files: dict[str, Any], **changes: Any) -> Stack:
    return load(nodes(ssh=files, **changes))


def register(preview: bool, settings: Stack, look: Callable[[Any], Any] = lambda _machines: None) -> Recording:
    seen = record(preview, {COMMAND: lambda _: {"stdout": '{"hosts": {}}'}})

    def program() -> Any:
        return look(source.provide(settings, IMAGES, "test"))

    run(program)
    return seen


@BOTH
def test_all_hosts_are_asked_by_one_command(preview: bool, files: dict[str, Any]) -> None:
    seen = register(preview, stack(files))
    (survey,) = (command for command in seen.of_type(COMMAND) if command.name != "nodes-key")
    assert (survey.name, survey.parent) == ("nodes-survey", "nodes")
    assert survey.inputs["create"] == survey.inputs["update"] == launcher.command("survey")
    assert "triggers" not in survey.inputs, "a change asks again; nothing is replaced by it"
    assert "delete" not in survey.inputs
    environment = opened(survey.inputs["environment"])
    told = targets(environment)
    assert [(target.name, target.access.host, target.access.port) for target in told] == [
        ("cp1", "203.0.113.11", "22"),
        ("w1", "203.0.113.21", "22"),
        ("w2", "203.0.113.22", "22"),
    ]
    assert [target.access.host_key for target in told] == [KEYS["cp1"], KEYS["w1"], KEYS["w2"]]
    asked = json.loads(environment["FJORDKUBE_SURVEY"])
    assert asked["hosts"]["cp1"] == {"role": "control-plane", "etcd": "LABEL=etcd"}
    assert "ip_vs" in asked["modules"]
    assert {"80", "179", "8443", "9099", "10254"} <= set(asked["roles"]["worker"]["ports"])
    assert "8443" not in asked["roles"]["control-plane"]["ports"]
    assert "80" not in asked["roles"]["control-plane"]["ports"]
    assert seen.seen["nodes"].type == "fjordkube:nodes:ExistingMachines"


@BOTH
def test_node_is_known_at_preview_and_its_machine_stays(preview: bool, files: dict[str, Any]) -> None:
    told: list[Any] = []

    def look(machines: Any) -> Any:
        cp1, w1, w2 = machines.nodes
        assert (cp1.role, cp1.address, cp1.prefix_length, cp1.interface) == ("control-plane", "10.1.0.11", 24, "eth1")
        assert (cp1.etcd_device, w1.etcd_device) == ("LABEL=etcd", None)
        assert (cp1.ports, w1.ports) == ({"ssh": 22, "api": 6443}, {"ssh": 22, "http": 8080, "https": 443})
        assert [node.public_address for node in machines.nodes] == list(HOSTS.values())
        assert all(node.stays and not node.guarded and not node.sudo for node in machines.nodes)
        assert (w1.zone, w2.zone) == ("no-osl1", "no-svg1")
        assert (dict(w2.labels), w2.taints) == ({"tier": "web"}, ["a=b:NoSchedule"])
        assert machines.emulated is False
        return pulumi.Output.all(*(node.up for node in machines.nodes)).apply(lambda ups: told.extend(ups))

    workers = [{**WORKERS[0], "ports": {"http": 8080}},
               {**WORKERS[1], "zone": "no-svg1", "labels": {"tier": "web"}, "taints": ["a=b:NoSchedule"]}]  # fmt: skip
    register(preview, stack(files, workers=workers), look)
    # at preview too: an unknown `up` would show every resource of every node as changed
    assert told == [f"{name} {host_keys.fingerprint(KEYS[name])}" for name in HOSTS]


@BOTH
def test_host_more_changes_the_survey_and_nobodys_identity(preview: bool, files: dict[str, Any]) -> None:
    def ups(settings: Stack) -> list[str]:
        told: list[str] = []

        def look(machines: Any) -> Any:
            return pulumi.Output.all(*(node.up for node in machines.nodes)).apply(lambda found: told.extend(found))

        register(preview, settings, look)
        return told

    more = [*WORKERS, {"name": "w3", "host": "203.0.113.23", "host_key": KEYS["w3"]}]
    assert ups(stack(files, workers=more))[:3] == ups(stack(files))


@BOTH
def test_whatever_is_done_to_a_node_waits_for_the_survey(preview: bool, files: dict[str, Any]) -> None:
    seen = cluster(preview, stack(files))
    for name in HOSTS:
        assert "nodes-survey" in seen.seen[f"fjord-{name}-host-prepared"].depends_on
        # else a `down` after a refused survey would reset whatever cluster the host is in
        assert "nodes-survey" in seen.seen[f"fjord-{name}-host-release"].depends_on


@BOTH
def test_bastion_and_user_reach_every_way_in(preview: bool, files: dict[str, Any], tmp_path: Path) -> None:
    files = {
        **files,
        "user": "debian",
        "sudo": True,
        "bastion": {
            "host": "203.0.113.5",
            "user": "jump",
            "key_file": str(tmp_path / "jump"),
            "host_key": KEYS["bastion"],
        },
    }
    workers = [WORKERS[0], {**WORKERS[1], "user": "root"}]
    seen = cluster(preview, stack(files, workers=workers))
    access = {target.name: target.access for target in targets(opened(seen.seen["nodes-survey"].inputs["environment"]))}
    assert (access["w1"].user, access["w1"].sudo, access["w2"].user, access["w2"].sudo) == (
        "debian",
        True,
        "root",
        False,
    )
    bastion = access["cp1"].bastion
    assert bastion is not None
    assert (bastion.host, bastion.user, bastion.key, bastion.host_key) == ("203.0.113.5", "jump", JUMP, KEYS["bastion"])
    for name in HOSTS:
        prepared = seen.seen[f"fjord-{name}-host-prepared"].inputs
        assert prepared["create"].startswith("exec sudo -n bash -s" if name != "w2" else "exec bash -s")
        assert prepared["connection"]["value"]["proxy"]["host"] == "203.0.113.5"
        release = opened(seen.seen[f"fjord-{name}-host-release"].inputs["environment"])
        assert json.loads(release["FJORDKUBE_SSH_BASTION"])["host"] == "203.0.113.5"
        assert ("FJORDKUBE_SSH_SUDO" in release) == (name != "w2")


@BOTH
def test_no_output_carries_a_private_key(preview: bool, files: dict[str, Any]) -> None:
    for made in cluster(preview, stack(files)).seen.values():
        assert PRIVATE not in json.dumps(made.outputs, default=str)
        # what holds a secret arrives as one
        clear = [value for value in made.inputs.values() if not (isinstance(value, dict) and _special_sig_key in value)]
        assert PRIVATE.splitlines()[1] not in json.dumps(clear, default=str)


# --- In a whole cluster ----------------------------------------------------------------------------------------------


def answer(inputs: dict[str, Any]) -> dict[str, Any]:
    verb = str(inputs["create"]).split()[-1]
    disk = {"kept": True, "reported_only": "", "needed": {"fdatasync_p99_ms": 10, "iops": 50, "recommended_iops": 500}}
    figures = {**FIGURES, "disk": {**found(), **disk}}
    return {"stdout": json.dumps(figures[verb]) if verb in figures else KUBECONFIG + KEY + CERTIFICATE}


def cluster(preview: bool, settings: Stack) -> Recording:
    """A whole cluster on the hosts, as the engine saw it."""
    seen = record(preview, {COMMAND: answer, "command:remote:Command": lambda _: {"stdout": KUBECONFIG}})

    def program() -> None:
        machines = source.provide(settings, IMAGES, "test")
        KubernetesCluster("fjord", ClusterArgs(settings, machines.nodes, IMAGES, NATIVE))

    run(program)
    return seen


@BOTH
def test_every_worker_is_drained_and_reset_and_objects_go_with_the_control_plane(
    preview: bool, files: dict[str, Any]
) -> None:
    seen = cluster(preview, stack(files)).seen
    for name in ("w1", "w2"):
        membership = seen[f"fjord-{name}-joined"]
        assert membership.deleted_with == "", "the machine stays, so its membership is taken apart"
        assert "RESET=now" in opened(membership.inputs["environment"])["FJORDKUBE_RESET_SCRIPT"]
        assert {"fjord-joinable", f"fjord-{name}-host-prepared"} <= set(membership.depends_on)
    objects = [made for made in seen.values() if made.type.startswith("kubernetes:")]
    assert objects
    assert {made.deleted_with for made in objects} == {"fjord-immutable-cluster"}
    assert seen["fjord-cp1-member"].deleted_with == ""
    assert "RESET=now" in opened(seen["fjord-cp1-member"].inputs["environment"])["FJORDKUBE_RESET_SCRIPT"]


@BOTH
def test_release_of_a_host_is_the_first_thing_made_of_its_node_and_so_the_last_to_go(
    preview: bool, files: dict[str, Any]
) -> None:
    seen = cluster(preview, stack(files)).seen
    for name in HOSTS:
        assert f"fjord-{name}-host-release" in seen[f"fjord-{name}-host-artifacts"].depends_on
        assert f"fjord-{name}-host-artifacts" in seen[f"fjord-{name}-host-prepared"].depends_on
    assert "fjord-cp1-host-prepared" in seen["fjord-cp1-member"].depends_on


@BOTH
def test_the_proxy_of_downloads_is_containerds_too_and_nobody_elses(preview: bool, files: dict[str, Any]) -> None:
    address = "http://proxy.example.no:3128"
    proxy = units.Proxy(address, ["10.1.0.0/24", "10.244.0.0/16", "10.96.0.0/12"])
    for settings, dropin in (
        (load({**nodes(ssh=files), "artifacts": {"proxy": address}}), units.containerd_dropin(proxy)),
        (stack(files), units.containerd_dropin()),
    ):
        seen = cluster(preview, settings).seen
        brought = opened(seen["fjord-w1-host-artifacts"].inputs["environment"])["FJORDKUBE_SCRIPT"]
        prepared = seen["fjord-w1-host-prepared"].inputs["create"]
        for text in (brought, prepared):
            assert dropin in text
            assert text.count("HTTPS_PROXY=") == dropin.count("HTTPS_PROXY=")


@BOTH
def test_no_node_has_more_than_nine_resources(preview: bool, files: dict[str, Any]) -> None:
    seen = cluster(preview, stack(files)).seen
    for name in HOSTS:
        assert len([thing for thing in seen if re.search(rf"-{name}(-|$)", thing)]) <= 9


# --- Refused before anything is registered ---------------------------------------------------------------------------


def refused(settings: Stack) -> list[str]:
    record(preview=False)  # a preview needs no key
    with pytest.raises(MachineError) as caught:
        source.check(settings, "prod")
    with pytest.raises(MachineError) as again:
        source.provide(settings, IMAGES, "prod")
    assert str(caught.value) == str(again.value), "whoever runs the engine directly is told the same"
    return str(caught.value).splitlines()


def test_host_without_a_key_is_refused_with_the_command_that_collects_it(files: dict[str, Any]) -> None:
    workers = [*WORKERS, {"name": "w3", "host": "203.0.113.23", "port": 2222}]
    known = files["known_hosts"]
    assert refused(stack(files, workers=workers)) == [
        "1 problem on this computer:",
        f"  - nodes.workers[w3].host_key: is missing, and {known} has no key for [203.0.113.23]:2222; "
        "collect it once by make host-keys STACK=prod and compare its fingerprint, or write it here",
    ]


def test_keys_that_cannot_be_used_and_hosts_without_one_are_told_at_once(files: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "jump").chmod(0o644)
    bastion = {"host": "203.0.113.5", "key_file": str(tmp_path / "jump")}
    changed = {**files, "key_file": str(tmp_path / "none"), "known_hosts": str(tmp_path), "bastion": bastion}
    lines = refused(stack(changed))
    assert lines[0] == "7 problems on this computer:"
    assert lines[1].startswith(f"  - nodes.ssh.key_file: {tmp_path}/none is missing; make one by: ssh-keygen")
    assert lines[2].startswith("  - nodes.ssh.bastion.key_file: ")
    assert lines[2].endswith(f"run: chmod 600 {tmp_path}/jump")
    assert lines[3].startswith("  - nodes.ssh.known_hosts: ")
    assert [entry.split(":")[0] for entry in lines[4:]] == [
        "  - nodes.ssh.bastion.host_key",
        "  - nodes.control_planes[cp1].host_key",
        "  - nodes.workers[w1].host_key",
        "  - nodes.workers[w2].host_key",
    ]


def test_two_keys_of_one_type_for_one_host_are_refused(files: dict[str, Any]) -> None:
    known = Path(files["known_hosts"])
    known.write_text(known.read_text() + host_keys.line("203.0.113.21", 22, KEYS["w3"]))
    (problem,) = refused(stack(files))[1:]
    assert "nodes.workers[w1].host_key: " in problem
    assert "two different keys of type ssh-ed25519 for 203.0.113.21; take the old line out" in problem


def test_key_in_the_settings_outweighs_the_files(files: dict[str, Any]) -> None:
    told: list[Any] = []
    settings = stack(files, control_planes=[{**CONTROL_PLANE, "host_key": KEYS["w3"]}])
    register(False, settings, lambda machines: told.append(machines.nodes[0].connection.host_key))
    assert told == [KEYS["w3"]]


def test_missing_ssh_is_told_unless_it_is_installed_next(
    files: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    source.check(stack(files), "prod", programs=False)
    assert refused(stack(files))[1] == "  - ssh: not in PATH; install it (Debian package openssh-client)"
