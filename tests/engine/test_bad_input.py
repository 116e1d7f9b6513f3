"""Bad input is answered at once and all together, before anything is built or touched."""

from __future__ import annotations

import socket

import pytest

from tests.engine.command import Commands

SECONDS = 3.0


def refused(commands: Commands, verb: str) -> str:
    done = commands.run(verb)
    assert done.code == 1, done.text
    assert done.seconds < SECONDS
    assert "Traceback" not in done.text
    assert not (commands.home / "vm").exists()
    assert not (commands.home / "state").exists()
    return done.text


@pytest.mark.parametrize("verb", ["up", "preview"])
def test_every_problem_of_a_file_comes_at_once(commands: Commands, verb: str) -> None:
    commands.write(
        {
            "network": {"pod_cidr": "10.100.0.0/16", "encapsulaton": "none"},
            "nodes": {"control_planes": ["cp1", "cp2"], "workers": ["w1", "w1"]},
            "kubernetes": {"version": "v1.20.0"},
            "kube_proxy": {"scheduler": "fastest"},
            "ingress": {"config": {"worker-connections": 10240, "use-geoip": "true"}},
        }
    )
    text = refused(commands, verb)
    for field in (
        "network.encapsulaton",
        "nodes.control_planes",
        "nodes.workers",
        "kubernetes.version",
        "kube_proxy.scheduler",
        "worker-connections",
        "use-geoip",
    ):
        assert field in text
    assert "max-worker-connections" in text


def test_a_stack_file_that_is_not_yaml_says_where(commands: Commands) -> None:
    commands.settings.write_text("config:\n  fjordkube:stack: {nodes: [}\n")
    assert "line 2" in refused(commands, "up")


def test_a_pinned_port_in_use_is_named(commands: Commands) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        commands.write({"nodes": {"workers": [{"name": "w1", "ports": {"http": port}}]}})
        text = refused(commands, "up")
    assert str(port) in text
    assert "in use" in text


def test_too_little_memory_is_said_before_anything_is_built(commands: Commands) -> None:
    commands.write({"nodes": {"workers": [{"name": "w1", "memory_mib": 1048576}]}})
    text = refused(commands, "up")
    assert "memory" in text
    assert "needed" in text


def test_an_unknown_stack_names_the_known_ones(commands: Commands) -> None:
    commands.settings.unlink()
    assert "local" in refused(commands, "up")
