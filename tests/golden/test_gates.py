"""The probe's objects as YAML, and what each gate asks of a default stack."""

from __future__ import annotations

import yaml

from fjordkube.gates import disk
from fjordkube.gates.common import Promised
from fjordkube.gates.gates import questions
from fjordkube.gates.probe import daemon_set, objects
from fjordkube.images import upstream
from fjordkube.objects import manifest
from fjordkube.timing import NATIVE
from fjordkube.versions import DEFAULT_CALICO, DEFAULT_KUBERNETES
from tests.golden.bootstrap_cluster import stack, without_scripts
from tests.golden.golden import check


def test_probe() -> None:
    check("gates/probe.yaml", manifest(objects("registry.example/demo:1")))


def test_probe_of_upstreams_image() -> None:
    image = upstream(DEFAULT_KUBERNETES, DEFAULT_CALICO).references["demo"]
    check("gates/probe-upstream.yaml", manifest([daemon_set(image)]))


def test_the_probe_runs_on_nodes_that_are_set_apart() -> None:
    pod = objects("registry.example/demo:1", ["gpu", "dedicated"])[-1]["spec"]["template"]["spec"]
    assert pod["tolerations"] == [
        {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "dedicated", "operator": "Exists"},
        {"key": "gpu", "operator": "Exists"},
    ]


def test_questions_of_a_default_stack() -> None:
    asked = {question.name: dict(question.asked) for question in questions(Promised.of(stack()), NATIVE)}
    check("gates/questions.yaml", yaml.safe_dump(asked, sort_keys=False))


def test_text_for_the_nodes() -> None:
    (text,) = (question.script for question in questions(Promised.of(stack()), NATIVE) if question.name == "data-path")
    assert text is not None
    check("gates/data-path.sh", without_scripts(text, "gate-data-path", "questions"))


def test_question_and_text_for_a_control_plane() -> None:
    asked = disk.question(stack().gates, NATIVE, "cp1")
    check("gates/disk.yaml", yaml.safe_dump(dict(asked.asked), sort_keys=False))
    assert asked.script is not None
    check("gates/disk.sh", without_scripts(asked.script, "gate-disk"))
