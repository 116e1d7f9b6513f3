"""Gates as resources: which there are, what they wait for, what is secret, when they run again; in both modes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_kubernetes
import pytest

from fjordkube.gates import Gates, GatesArgs
from fjordkube.gates.common import Promised
from fjordkube.helpers import launcher
from fjordkube.helpers.gates.targets import targets
from fjordkube.node import Node, reached
from fjordkube.remote import connection, through
from fjordkube.timing import EMULATED
from tests.components.bootstrap_mocks import opened
from tests.components.engine_recording import Recording, record, run
from tests.golden.bootstrap_cluster import nodes, stack

COMMAND = "command:local:Command"
BOTH = pytest.mark.parametrize("preview", [False, True])

FIGURES: dict[str, dict[str, Any]] = {
    "bgp": {"sessions_established": 6, "sessions_expected": 6, "tunnel_devices": 0},
    "data-path": {"pairs": 0},
    "ipvs": {
        "service": "demo/demo",
        "nodes": 3,
        "nodes_holding": 3,
        "scheduler": "rr",
        "real_servers": 2,
        "virtual_services": 9,
    },
    "ingress": {"requests": 40, "nodes": 2, "failures": 0, "p50_ms": 4.0, "p99_ms": 9.5},
}


def answer(inputs: dict[str, Any]) -> dict[str, Any]:
    """The figures of the gate whose command this is."""
    return {"stdout": json.dumps(FIGURES[inputs["create"].split()[-1]])}


def gates(triggers: Sequence[Any] = ("calico 1",), of: Sequence[Node] = (), **changes: Any) -> Gates:
    provider = pulumi_kubernetes.Provider("cluster", kubeconfig="{}")
    calico, joined, demo, door = (
        pulumi.CustomResource("test:index:Thing", name, {}) for name in ("calico", "w1-joined", "demo", "door")
    )
    return Gates(
        "gates",
        GatesArgs(
            promised=Promised.of(stack(**changes)),
            settings=stack(**changes).gates,
            timing=EMULATED,
            nodes=of or nodes(),
            kubeconfig=pulumi.Output.secret("KUBECONFIG"),
            provider=provider,
            image="registry.example/demo:1",
            network=[calico, joined],
            services=[demo],
            front=[demo, door],
            triggers={"bgp": triggers},
            deleted_with=provider,
        ),
    )


def recorded(preview: bool, **changes: Any) -> Recording:
    engine = record(preview, {COMMAND: answer})

    def program() -> None:
        gates(**changes)

    run(program)
    return engine


@BOTH
def test_one_command_per_promise_and_a_probe(preview: bool) -> None:
    engine = recorded(preview)
    assert engine.seen["gates"].type == "fjordkube:gates:Gates"
    children = {name for name, found in engine.seen.items() if found.parent == "gates"}
    assert children == {
        "gates-bgp",
        "gates-data-path",
        "gates-ipvs",
        "gates-ingress",
        "gates-probe-namespace-fjordkube-gates",
        "gates-probe-networkpolicy-probe",
        "gates-probe-daemonset-probe",
    }
    command = engine.seen["gates-data-path"].inputs
    assert command["create"] == launcher.command("data-path")
    assert "delete" not in command
    assert command["logging"] == "stderr"


@BOTH
def test_a_promise_that_a_stack_does_not_make_is_not_measured(preview: bool) -> None:
    changes: dict[str, Any] = {"kube_proxy": {"mode": "nftables"}, "demo": {"enabled": False}}
    found = {made.name for made in recorded(preview, **changes).of_type(COMMAND)}
    assert found == {"gates-bgp", "gates-data-path"}


@BOTH
def test_each_waits_for_what_it_measures_and_the_probe_for_nothing(preview: bool) -> None:
    engine = recorded(preview)
    assert set(engine.seen["gates-bgp"].depends_on) == {"calico", "w1-joined"}
    assert {"gates-bgp", "gates-probe-daemonset-probe", "calico"} <= set(engine.seen["gates-data-path"].depends_on)
    assert engine.seen["gates-ipvs"].depends_on == ["demo"]
    assert set(engine.seen["gates-ingress"].depends_on) == {"demo", "door"}
    assert engine.seen["gates-probe-namespace-fjordkube-gates"].depends_on == []
    assert set(engine.seen["gates-probe-daemonset-probe"].depends_on) == {
        "gates-probe-namespace-fjordkube-gates",
        "gates-probe-networkpolicy-probe",
    }
    assert engine.seen["gates-probe-daemonset-probe"].deleted_with == "cluster"


@BOTH
def test_runs_again_for_a_restarted_node_or_another_installation_and_for_nothing_else(preview: bool) -> None:
    command = recorded(preview, triggers=["calico 1"]).seen["gates-bgp"].inputs
    same = recorded(preview, triggers=["calico 1"]).seen["gates-bgp"].inputs
    assert command == same
    ups = [f"{node} runs" for node in ("cp1", "w1", "w2")]
    assert command["triggers"] == [*ups, launcher.REVISIONS["gates"], "calico 1"]
    assert recorded(preview).seen["gates-ingress"].inputs["triggers"] == [*ups, launcher.REVISIONS["gates"]]


def test_nodes_are_entered_with_secrets_that_show_nowhere() -> None:
    engine = recorded(preview=False)
    for name in ("gates-bgp", "gates-data-path", "gates-ipvs"):
        made = engine.seen[name]
        environment = opened(made.inputs["environment"])
        assert environment["FJORDKUBE_KUBECONFIG"] == "KUBECONFIG"
        assert environment["FJORDKUBE_WAIT"] == "1200"
        reached = json.loads(environment["FJORDKUBE_NODES"])
        assert reached["keys"] == ["PRIVATE"]
        assert [(node["name"], node["port"], node["key"]) for node in reached["nodes"]] == [
            ("cp1", 2211, 0),
            ("w1", 2301, 0),
            ("w2", 2302, 0),
        ]
        assert "PRIVATE" not in environment["FJORDKUBE_SCRIPT"] + environment["FJORDKUBE_GATE"] + made.inputs["create"]


def test_bastion_and_sudo_reach_the_gates_of_those_nodes_alone() -> None:
    bastion = through("203.0.113.5", 22, "JUMP KEY", "ssh-ed25519 BBBB", "jump")
    behind = connection("10.1.0.12", 22, "PRIVATE", "ssh-ed25519 AAAA", "debian", bastion=bastion)
    w1, w2 = nodes()[1:]
    told: list[str] = []

    def program() -> None:
        reached([w1, replace(w2, sudo=True, connection=behind)]).apply(told.append)

    record(False)
    run(program)
    found = json.loads(told[0])
    assert found["keys"] == ["PRIVATE", "JUMP KEY"]
    assert not {"sudo", "bastion"} & set(found["nodes"][0])
    assert found["nodes"][1]["sudo"] is True
    assert found["nodes"][1]["bastion"] == {
        "host": "203.0.113.5",
        "port": 22,
        "user": "jump",
        "key": 1,
        "host_key": "ssh-ed25519 BBBB",
    }
    plain, other = targets({"FJORDKUBE_NODES": told[0]})
    assert (plain.access.sudo, plain.access.bastion) == (False, None)
    assert other.access.bastion is not None
    assert (other.access.sudo, other.access.user, other.access.bastion.key) == (True, "debian", "JUMP KEY")


def test_the_ingress_is_asked_through_every_node_with_a_port_for_it() -> None:
    def program() -> None:
        gates()

    engine = record(False, {COMMAND: answer})
    run(program)
    environment = engine.seen["gates-ingress"].inputs["environment"]
    assert set(environment) == {"FJORDKUBE_GATE", "FJORDKUBE_WAIT"}
    asked = json.loads(environment["FJORDKUBE_GATE"])
    # the golden cluster's nodes have ports for ssh and api alone
    assert asked == {"host": "demo.fjord.internal", "requests": 20, "targets": []}


def test_a_worker_that_is_set_apart_is_no_door_but_has_a_probe() -> None:
    def program() -> None:
        plane, *workers = nodes()
        apart, soft, plain = (replace(workers[0], name=name, ports={"http": 80}) for name in ("w1", "w2", "w3"))
        apart = replace(apart, taints=["dedicated=db:NoSchedule"])
        gates(of=[plane, apart, replace(soft, taints=["batch:PreferNoSchedule"]), plain])

    engine = record(False, {COMMAND: answer})
    run(program)
    asked = json.loads(engine.seen["gates-ingress"].inputs["environment"]["FJORDKUBE_GATE"])
    assert [target["name"] for target in asked["targets"]] == ["w2", "w3"]
    pod = engine.seen["gates-probe-daemonset-probe"].inputs["spec"]["template"]["spec"]
    assert {"key": "dedicated", "operator": "Exists"} in pod["tolerations"]


def test_figures_and_promises_are_outputs_without_secrets() -> None:
    seen: list[Any] = []

    def program() -> pulumi.Output[None]:
        made = gates()

        async def secrets() -> None:
            assert not await made.figures.is_secret()
            assert not await made.promises.is_secret()
            seen.append("asked")

        def look(values: list[Any]) -> Any:
            figures, rows = values
            assert figures == FIGURES
            assert [row["promise"] for row in rows] == [
                "BGP, no encapsulation",
                "Pod to pod",
                "Services by IPVS",
                "HTTP from outside",
            ]
            return pulumi.Output.from_input(secrets())

        return pulumi.Output.all(made.figures, made.promises).apply(look)

    record(False, {COMMAND: answer})
    run(program)  # type: ignore[arg-type]
    assert seen == ["asked"]


def test_a_preview_of_nothing_yet_knows_no_figures() -> None:
    def program() -> None:
        made = gates()

        def never(_: Any) -> None:
            raise AssertionError("figures are known before anything was measured")

        made.figures.apply(never)

    record(True)
    run(program)


@pytest.mark.parametrize(("settings", "seconds"), [({}, "1200"), ({"gates": {"timeout_seconds": 77}}, "77")])
def test_the_wait_is_by_timing_unless_the_settings_say(settings: dict[str, Any], seconds: str) -> None:
    made = recorded(False, **settings).seen["gates-ingress"]
    assert made.inputs["environment"]["FJORDKUBE_WAIT"] == seconds
