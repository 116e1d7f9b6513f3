"""The examples, and the README's sample among them, previewed by the real engine from the installed wheel."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from bench import answers
from fjordkube.roots import CHECKOUT
from offline import binaries
from offline.plugins import installation
from tests.conformance.engine import Stack
from tests.engine.installed import Installed
from tests.unit.ssh_server import line, new_key

EXAMPLES = CHECKOUT / "examples"
WIRING = 40
"""Lines of a program, at most."""
IMAGES = {
    name: f"registry.example/{name}:1"
    for name in ("calico-node", "calico-cni", "calico-kube-controllers", "ingress-nginx-controller")
}
HOST_KEY = line(new_key()[1])
MACHINES = [
    {"name": name, "role": role, "address": address, "public": public, "host_key": HOST_KEY, "zone": "no-osl1"}
    for name, role, address, public in (
        ("cp1", "control-plane", "10.1.0.11", "203.0.113.11"),
        ("w1", "worker", "10.1.0.101", "203.0.113.101"),
    )
]
PLAIN = {
    "calico_and_ingress": {"apiHost": "10.1.0.11", "privateCidr": "10.1.0.0/24", "images": json.dumps(IMAGES)},
    "whole_cluster": {"cp1-host-key": HOST_KEY, "w1-host-key": HOST_KEY},
    "own_source": {
        "machines": json.dumps([{**machine, "host_key": HOST_KEY, "zone": "no-osl1"} for machine in MACHINES])
    },
}
SECRET = {
    "calico_and_ingress": {"kubeconfig": answers.kubeconfig()},
    "whole_cluster": {"key": new_key()[0]},
    "own_source": {"key": new_key()[0]},
}
SHOWN = {
    "calico_and_ingress": {"calico-daemonset-calico-node", "ingress-daemonset-ingress-nginx-controller"},
    "whole_cluster": {"edge-cp1-member", "edge-w1-joined", "edge-gates-bgp", "shop"},
    "nodes_alone": {"nodes-cp1", "nodes-w1", "nodes-w2", "key"},
    "own_source": {"edge-cp1-member", "edge-w1-joined", "edge-gates-ingress"},
}
"""Resources that each preview names."""


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_previews_from_the_installed_wheel(name: str, package: Installed, tmp_path: Path) -> None:
    pulumi = binaries.path("pulumi")
    home = tmp_path / "plugins"
    stack = Stack(tmp_path / "stack", installation.install(pulumi, tmp_path / "bin", home), home)
    for file in (EXAMPLES / name).glob("*.py"):
        shutil.copy2(file, stack.folder)
    stack.environment["PULUMI_PYTHON_CMD"] = str(package.python)
    for secret, entries in ((False, PLAIN), (True, SECRET)):
        for key, value in entries.get(name, {}).items():
            stack.configure(key, value, secret=secret)
    found = stack.preview()
    created = {name for name, operations in found.changes().items() if operations == ["create"]}
    assert SHOWN[name] <= created, found.output
    assert "PRIVATE KEY" not in found.output


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_is_short(name: str) -> None:
    assert len((EXAMPLES / name / "__main__.py").read_text().splitlines()) <= WIRING


def test_the_readmes_sample_is_an_example() -> None:
    (sample,) = re.findall(r"```python\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    assert sample == (EXAMPLES / "whole_cluster" / "__main__.py").read_text().partition("\n\n")[2]
