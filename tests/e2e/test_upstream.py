"""Plain machines become a cluster by downloads and pulls: upstream's hosts are answered on this computer's loopback.
Then one more, from a mirror.

Each machine reaches them by an SSH tunnel of the test's own, and nothing else outside. Files and images are built ones
in upstream's forms and under upstream's names (tests/upstream/); a copy of the checkout has their checksums.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands.setup import PLAIN
from fjordkube.helpers.artifacts import bundle
from fjordkube.helpers.local_vm.spec import GUEST_PORTS
from offline import registry
from offline.archives import Archive
from tests.e2e import cluster, existing
from tests.engine import installed
from tests.engine.command import Commands
from tests.machines import machines
from tests.machines.machines import Made, Wanted
from tests.unit.registry_server import certify, tunnel
from tests.upstream import hosts, publication
from tests.upstream.hosts import Hosts
from tests.upstream.publication import Publication

LEFT = "ls -d /opt/fjordkube/*/* /opt/cni/bin/* /usr/local/bin/* 2>/dev/null || true"
"""Programs that `up` brought, by the machine's own word."""
UP_SECONDS = 2400
HOST = "demo.fjord.internal"
PORTS = {"http_port": 9080, "https_port": 9443}
"""Of the ingress: on 80 and 443 of these machines' loopback upstream's hosts are answered."""
GUEST = {**GUEST_PORTS, "http": PORTS["http_port"], "https": PORTS["https_port"]}
WANTED = (
    Wanted("cp1", "control-plane", "192.168.77.11"),
    Wanted("w1", "worker", "192.168.77.101", guest_ports=GUEST),
    Wanted("w2", "worker", "192.168.77.102", guest_ports=GUEST),
)
MIRROR, LOGIN = "mirror.example.no", "nodes:let me in"
NAMES = ("dl.k8s.io", "github.com", "registry.k8s.io", "quay.io", "deb.debian.org", MIRROR)
"""Hosts of upstream's table, the package sources of the machines, and a mirror."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Home of the machines, of the stack and of upstream's hosts."""
    with existing.home("upstream", PLAIN, WANTED) as made:
        yield made


@pytest.fixture(scope="module")
def published(folder: Path, plain_bundle: Path) -> Publication:
    """What upstream's hosts have."""
    found = bundle.read(plain_bundle)
    made = publication.publish(found, folder / "files")
    packages = folder / "files" / "deb.debian.org" / PLAIN
    packages.parent.mkdir(parents=True)
    shutil.copytree(plain_bundle / "packages" / PLAIN, packages)
    return made


@pytest.fixture(scope="module")
def port(folder: Path, published: Publication) -> Iterator[int]:
    """Of docker-registry, with upstream's images."""
    certify(folder / "certificate", NAMES)
    with hosts.registry(folder / "registry") as found:
        for reference, archive in published.images.items():
            content = io.BytesIO(gzip.decompress(archive.read_bytes()))
            registry.push(Archive(content), reference, registry.Place(f"127.0.0.1:{found}", plain=True))
        yield found


@contextmanager
def door(folder: Path, port: int, machine: Made) -> Iterator[Hosts]:
    """Upstream's hosts and the mirror, as a machine reaches them through a tunnel of its own."""
    signed, key = folder / "certificate" / "certificate.pem", folder / "certificate" / "key.pem"
    with hosts.serving(folder / "files", port, signed, key) as found:
        found.mirror, found.login = MIRROR, LOGIN
        _prepare(folder, machine, signed)
        ways = []
        for there, here in {443: found.https, 80: found.http}.items():
            ways += ["-R", f"127.0.0.1:{there}:127.0.0.1:{here}"]
        with subprocess.Popen(
            machines.ssh(folder / "machines", machine, "-N", "-o", "ExitOnForwardFailure=yes", *ways)
        ) as tunnel:
            try:
                yield found
            finally:
                tunnel.terminate()


@pytest.fixture(scope="module")
def doors(folder: Path, port: int, made: dict[str, Made]) -> Iterator[dict[str, Hosts]]:
    """By the machine that goes through it."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(door(folder, port, machine)) for name, machine in made.items()}


@pytest.fixture(scope="module")
def made(folder: Path) -> dict[str, Made]:
    """The machines, as their vendor hands them over; the last comes later."""
    return existing.make(folder, PLAIN, WANTED[:-1])


@pytest.fixture(scope="module")
def late(folder: Path, port: int) -> Iterator[tuple[Made, Hosts]]:
    """The last machine and its door."""
    (machine,) = existing.make(folder, PLAIN, WANTED[-1:]).values()
    with door(folder, port, machine) as found, (folder / "known_hosts").open("a") as known:
        known.write(existing.known(machine) + "\n")
        known.flush()
        yield machine, found


@pytest.fixture(scope="module")
def plain(folder: Path, published: Publication, made: dict[str, Made]) -> Iterator[Commands]:
    """Commands of a checkout with the new checksums, on a stack of those machines."""
    checkout = folder / "checkout"
    installed.copy(checkout)
    (checkout / ".venv").symlink_to(sys.prefix)
    published.replace_sums(checkout)
    commands = Commands(folder / "home", folder / "Pulumi.plain.yaml", "plain", checkout=checkout)
    commands.write(stack(folder, made, "w1"))
    (folder / "known_hosts").write_text("".join(existing.known(machine) + "\n" for machine in made.values()))
    try:
        yield commands
    finally:
        commands.run("down", limit=900)


def _prepare(folder: Path, machine: Made, signed: Path) -> None:
    """All that these machines have otherwise than anybody's: where names lead, and whom they trust."""
    names = "\n".join(f"127.0.0.1 {name}" for name in NAMES)
    machines.shell(
        folder / "machines",
        machine,
        f"""set -e
cat >>/etc/hosts <<'END'
{names}
END
cat >/usr/local/share/ca-certificates/upstream.crt <<'END'
{signed.read_text()}END
update-ca-certificates >/dev/null
echo 'deb [trusted=yes] http://deb.debian.org/{PLAIN} ./' >/etc/apt/sources.list
""",
    )


def stack(folder: Path, made: dict[str, Made], *workers: str) -> dict[str, Any]:
    """Nothing of artifacts, since upstream is the default."""
    return {**existing.stack("plain", folder, PLAIN, made, workers), "ingress": dict(PORTS)}


def test_files_that_are_not_what_the_list_says_are_thrown_away(
    plain: Commands, doors: dict[str, Hosts], folder: Path, made: dict[str, Made]
) -> None:
    doors["cp1"].faults = {"/kubelet": ["500", "other"]}
    doors["w1"].faults = {"/kubeadm": ["429", "cut"], "/containerd-": ["401"]}
    done = plain.run("up", 900, show=True)
    assert done.code != 0
    words = r"cp1: kubelet has SHA-256 [0-9a-f]{64}, and the list says [0-9a-f]{64}: it was thrown away"
    assert re.search(words, done.text), done.text
    words = r"w1: containerd does not come from https://github.com/\S+: it wants a login \(401\)"
    assert re.search(words, done.text), done.text
    for machine in made.values():
        assert machines.shell(folder / "machines", machine, LEFT) == ""


def test_images_that_do_not_come_stop_up_and_are_told(plain: Commands, doors: dict[str, Hosts]) -> None:
    doors["cp1"].faults = {"/v2/pause/": ["401"] * 20}
    doors["w1"].faults = {"/v2/kube-proxy/": ["500"] * 60}
    done = plain.run("up", 1200, show=True)
    assert done.code != 0
    assert re.search(r"cp1: image registry.k8s.io/pause:\S+ was not pulled: .*authorization failed", done.text)
    assert re.search(r"w1: image registry.k8s.io/kube-proxy:\S+ was not pulled: .*500", done.text)


def test_up_goes_on_and_every_gate_passes(plain: Commands, doors: dict[str, Hosts]) -> None:
    doors["cp1"].faults = {"/blobs/": ["cut"]}
    doors["w1"].faults = {"/v2/": ["429", "429"]}
    done = plain.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    outputs = cluster.outputs(plain)
    assert set(outputs["gates"]) == {"disk", "bgp", "data-path", "ipvs", "ingress"}
    status, text = cluster.get(int(outputs["ports"]["w1"]["http"]), HOST)
    assert status == 200
    assert "demo-" in text
    # what had arrived before was not asked for again
    assert sum("/containerd-" in each for each in doors["cp1"].asked) == 1


def test_a_second_up_asks_upstream_for_nothing(plain: Commands, doors: dict[str, Hosts]) -> None:
    before = {name: len(each.asked) for name, each in doors.items()}
    done = plain.run("up", 300)
    assert done.code == 0, done.text
    assert re.search(r"engine done in .*: \d+ unchanged", done.text), done.text
    assert {name: len(each.asked) for name, each in doors.items()} == before


def test_a_mirror_is_filled_from_upstreams_bundle(
    plain: Commands, doors: dict[str, Hosts], port: int, folder: Path
) -> None:
    through = list[str]()
    with tunnel(doors["w1"].https, through) as proxy:
        changes = {"HTTPS_PROXY": proxy, "REQUESTS_CA_BUNDLE": str(folder / "certificate" / "certificate.pem")}
        given = {**plain.environment, **changes, "FJORDKUBE_CACHE": str(folder / "cache")}

        def command(*words: str) -> None:
            subprocess.run([sys.executable, "-m", "commands", *words], cwd=plain.checkout, env=given, check=True)

        place = str(folder / "bundle")
        command("bundle", "--artifacts", "upstream", "--releases", "", "--output", place)
        command("bundle-verify", place)
        files = ["--files", str(folder / "files" / MIRROR / "files")]
        command("mirror", "--bundle", place, *files, "--registry", f"http://127.0.0.1:{port}/k8s")
    assert {name.partition(":")[0] for name in through} == {"dl.k8s.io", "github.com", "registry.k8s.io", "quay.io"}


def test_one_more_machine_becomes_a_node_from_the_mirror(
    plain: Commands, doors: dict[str, Hosts], folder: Path, made: dict[str, Made], late: tuple[Made, Hosts]
) -> None:
    machine, its_door = late
    mirror = {"source": "mirror", "files": f"https://{MIRROR}/files", "registry": f"{MIRROR}/k8s"}
    mirror["ca_file"] = str(folder / "certificate" / "certificate.pem")
    file = yaml.safe_load(plain.settings.read_text())
    file["config"]["fjordkube:stack"] = {**stack(folder, {**made, "w2": machine}, "w1", "w2"), "artifacts": mirror}
    plain.settings.write_text(yaml.safe_dump(file))
    words = [str(plain.home / "engine" / "pulumi"), "config", "set", "--secret", "--stack", plain.stack]
    words += ["--config-file", str(plain.settings), "fjordkube:registryLogin"]
    subprocess.run(words, cwd=plain.checkout, env=plain.environment, input=LOGIN, text=True, check=True)
    asked = {name: len(each.asked) for name, each in doors.items()}
    done = plain.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    assert "gate ingress: passed" in done.text
    # nodes that have everything ask nobody; the new one asks the mirror, and Debian's archive
    assert {name: len(each.asked) for name, each in doors.items()} == asked
    assert {each.partition("/")[0] for each in its_door.asked} == {MIRROR, "deb.debian.org"}


def test_down_leaves_plain_machines(plain: Commands, folder: Path, made: dict[str, Made]) -> None:
    done = plain.run("down", 900, show=True)
    assert done.code == 0, done.text
    for machine in made.values():
        assert machines.shell(folder / "machines", machine, LEFT) == ""
