"""What generated stack files render, before the real programs that will read it: see tests/generated.

Real are kubeadm, kube-proxy, containerd, nft and systemd-analyze in the guests' own file system; the API server with
Calico's definitions; the ingress controller of the image with its template and nginx. Not run: the kubelet (it has no
way to check its configuration and end, so that kubeadm's strict reading of the document is all), Calico's and the
controllers' own programs, the clouds' APIs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fjordkube.bootstrap import paths
from fjordkube.demo import NAMESPACE as DEMO
from fjordkube.errors import DefinitionsMissing
from fjordkube.host import containerd, units
from fjordkube.ingress import controller
from fjordkube.network import calico
from fjordkube.network.definitions import definitions, pinned
from fjordkube.settings import Calico, IngressNginx
from fjordkube.versions import CALICO, DEFAULT_CALICO
from offline import binaries
from tests.conformance import api_server
from tests.conformance.api_server import ApiServer
from tests.generated.consumers import nginx
from tests.generated.consumers.api import REAL, Judge
from tests.generated.consumers.node import batch
from tests.generated.consumers.sample import SIZE, sample

UNITS = ("containerd.service", "kubelet.service", "fjordkube-firewall.service", units.API_PROXY)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    programs = [binaries.path(name) for name in ("etcd", "kube-apiserver", "kube-controller-manager")]
    with api_server.running(tmp_path_factory.mktemp("api"), *programs) as server:
        yield server


def _named(texts: dict[str, str]) -> dict[str, str]:
    """Each different text once, under one of its names."""
    return {name: text for text, name in {text: name for name, text in texts.items()}.items()}


def _files(path: str) -> dict[str, str]:
    """Every different text of a file that nodes get, by seed and node."""
    found = {
        f"{seed}-{node}": files[path]
        for seed, case in sample().items()
        for node, files in case.files.items()
        if path in files
    }
    return _named(found)


def test_kubeadm_takes_what_nodes_are_given(tmp_path: Path) -> None:
    init, join = _files(paths.INIT), _files(paths.JOIN)
    assert len(init) > SIZE * 0.9
    cases = {f"init-{name}": text for name, text in init.items()} | {
        f"join-{name}": text for name, text in join.items()
    }
    # of the file for discovery kubeadm asks only whether it is there
    there = {paths.DISCOVERY: ""}
    assert batch(tmp_path / "node", cases, "kubeadm config validate --config CASE", there) == {}
    wrong = {"wrong": next(iter(init.values())).replace("podSubnet: ", "podSubnet: 10.0.0.300/8 # ")}
    assert "10.0.0.300" in batch(tmp_path / "wrong", wrong, "kubeadm config validate --config CASE", there)["wrong"]


def test_kube_proxy_takes_its_configuration(tmp_path: Path) -> None:
    documents = {name: list(yaml.safe_load_all(text))[3] for name, text in _files(paths.INIT).items()}
    cases = _named({name: json.dumps(document) for name, document in documents.items()})
    command = "kube-proxy --config CASE --write-config-to /tmp/CASE.written"
    assert batch(tmp_path / "node", cases, command) == {}
    wrong = {"wrong": next(iter(cases.values())).replace('"min": ', '"min": -1, "x": ')}
    assert batch(tmp_path / "wrong", wrong, command).keys() == {"wrong"}


def test_nft_takes_the_rules(tmp_path: Path) -> None:
    cases = _named({f"{seed}-{n}": rules for seed, case in sample().items() for n, rules in enumerate(case.rules)})
    assert len(cases) > SIZE / 2
    assert batch(tmp_path / "node", cases, "nft --check --file CASE") == {}
    assert batch(
        tmp_path / "wrong", {"wrong": "table inet x { chain y { tcp dport 70000 accept; } }\n"}, "nft -c -f CASE"
    )


def test_haproxy_takes_its_configuration(tmp_path: Path) -> None:
    cases = _named({f"{seed}-{n}": text for seed, case in sample().items() for n, text in enumerate(case.proxies)})
    assert len(cases) > SIZE / 2
    assert batch(tmp_path / "node", cases, "haproxy -c -f CASE && ! grep WARNING /tmp/CASE.said") == {}
    wrong = {"wrong": next(iter(cases.values())).replace("balance random", "balance rendom")}
    assert batch(tmp_path / "wrong", wrong, "haproxy -c -f CASE").keys() == {"wrong"}


def test_containerd_takes_its_configuration(tmp_path: Path) -> None:
    cases = _files(containerd.PATH)
    command = "containerd --config CASE config dump >/tmp/CASE.dump && grep -q SystemdCgroup.=.true /tmp/CASE.dump"
    assert batch(tmp_path / "node", cases, command) == {}
    assert batch(tmp_path / "wrong", {"wrong": "version = 3\n[plugins\n"}, command).keys() == {"wrong"}


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """With the packages' containerd.service and our kubelet.service, whose drop-ins two of them are."""
    sets = set()
    for case in sample().values():
        for files in case.files.values():
            sets.add((files[units.CONTAINERD_PATH], files[units.KUBELET_PATH], case.unit, files[units.API_PROXY_PATH]))
    command = f"systemd-analyze verify --man=no {' '.join(UNITS)}; test ! -s /tmp/CASE.said"
    places = (units.CONTAINERD_PATH, units.KUBELET_PATH, units.FIREWALL_PATH, units.API_PROXY_PATH)
    for number, texts in enumerate(sorted(sets)):
        laid = dict(zip(places, texts, strict=True))
        assert batch(tmp_path / str(number), {"units": ""}, command, laid) == {}
    laid[units.KUBELET_PATH] += "LimitNOFIL=1\n"
    assert "LimitNOFIL" in batch(tmp_path / "wrong", {"units": ""}, command, laid)["units"]


def test_the_api_takes_objects_and_nodes(api: ApiServer) -> None:
    """Kubernetes' own and Calico's, the latter by the schemas of its definitions."""
    judge = Judge(api)
    cases = sample()
    assert [told for body in definitions(DEFAULT_CALICO) if (told := judge.apply(body, REAL))] == []
    every = [body for case in cases.values() for body in [*case.objects, *case.nodes]]
    # a dry run in a namespace needs the namespace
    assert judge.refused((body for body in every if body["kind"] == "Namespace"), REAL) == []
    refused = judge.refused(every)
    assert not refused, "\n".join(refused)
    (pool,) = (body for body in cases[next(iter(cases))].objects if body["kind"] == "IPPool")
    assert "blockSize" in judge.apply({**pool, "spec": {**pool["spec"], "blockSize": "26"}})


def test_calicos_objects_meet_the_definitions_of_their_own_version(tmp_path: Path) -> None:
    """Of every version whose definitions are in reach: where packages alone are, the ones that a Go module has."""
    sampled = [body for case in sample().values() for body in case.objects if "projectcalico" in body["apiVersion"]]
    images = {name: name for name in ("calico-node", "calico-cni", "calico-kube-controllers")}
    judged = []
    programs = [binaries.path(name) for name in ("etcd", "kube-apiserver", "kube-controller-manager")]
    for version in CALICO:
        try:
            wanted = definitions(version)
        except DefinitionsMissing:
            assert not pinned(version).module_version
            continue
        ours = calico.objects(Calico(version=version), images, "10.0.0.0/24", "10.0.0.1", 6443, "native")
        folder = tmp_path / version
        folder.mkdir()
        with api_server.running(folder, *programs) as server:
            judge = Judge(server)
            assert judge.refused(wanted, REAL) == []
            assert judge.refused([*ours, *sampled]) == []
            (pool,) = (body for body in ours if body["kind"] == "IPPool")
            assert "blockSize" in judge.apply({**pool, "spec": {**pool["spec"], "blockSize": "26"}})
        judged.append(version)
    assert DEFAULT_CALICO in judged


def test_the_ingress_controller_and_its_nginx_take_the_tuning(api: ApiServer, tmp_path: Path) -> None:
    place = controller.front(IngressNginx(), "x", "127.0.0.1", 6443)
    wanted = {"Namespace", "IngressClass"}
    surroundings = [body for body in controller.objects(IngressNginx(), place, "native") if body["kind"] in wanted]
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": DEMO}}
    cases: dict[str, tuple[int, Mapping[str, str], Any]] = {}
    for seed, case in sample().items():
        ingress = next((body for body in case.objects if body["kind"] == "Ingress"), None)
        cases.setdefault(json.dumps([case.nginx, ingress], sort_keys=True), (seed, case.nginx, ingress))
    refused = {}
    with nginx.running(tmp_path, api, [*surroundings, space]) as running:
        for seed, data, ingress in cases.values():
            if said := running.refused(data, ingress):
                refused[seed] = said
        assert re.search("invalid", running.refused({"large-client-header-buffers": "0 8k"}, None))
        assert running.refused({"proxy-protocol-header-timeout": "1d"}, None)
    assert not refused, "\n".join(f"seed {seed}: {said}" for seed, said in refused.items())
