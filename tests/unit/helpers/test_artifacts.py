"""The helper's verb `artifacts`: a small bundle goes to a pretended node once, however often the connection is cut."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from fjordkube.artifacts.needs import Needs
from fjordkube.helpers.artifacts import lists
from fjordkube.shell import shell
from tests.scripts.machine import Machine
from tests.scripts.test_artifacts_script import dress, values
from tests.unit import small_bundle
from tests.unit.helpers.fakes import node_machine, run

VERSIONS = {"kubernetes": "v1.37.1", "calico": "v3.28.5", "ingress-nginx": "v1.11.0"}


def listed(needs: Needs) -> Needs:
    return dataclasses.replace(needs, versions=VERSIONS)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    small_bundle.make(tmp_path / "bundle")
    small_bundle.again(tmp_path / "bundle", listed)
    return tmp_path / "bundle"


@pytest.fixture
def node(tmp_path: Path, bundle: Path) -> Machine:
    """It lacks conntrack, which apt would install from the bundle's index."""
    machine = node_machine(tmp_path, 2222)
    (image,) = json.loads((bundle / "bundle.json").read_text())["images"]
    dress(machine, f"{image['reference']} type {image['digest']} 1")
    (machine.folder / "bin" / "conntrack").unlink()
    machine.program("dpkg-query", "echo bash")
    name = small_bundle.DEB.rsplit("/", 1)[-1]
    machine.program(
        "apt-get",
        f"""case "$*" in
  *--print-uris*) echo "'file:/x/packages/./{name}' {name} 9 SHA256:00" ;;
  *' install '*)
    [ "$(cat "$ROOT/var/lib/fjordkube/incoming/packages/{name}")" = "a package" ] || exit 1
    printf '#!/bin/sh\\n' >"{machine.folder}/bin/tracker"; chmod +x "{machine.folder}/bin/tracker" ;;
esac""",
    )
    return machine


@pytest.fixture
def environment(base: dict[str, str], bundle: Path) -> dict[str, str]:
    fixed = ("NODE_NAME", "FOLDER", "INCOMING", "RECORD", "UNITS", "UNIT_0")
    script = {**{name: values("")[name] for name in fixed}, "PROGRAMS": "tracker conntrack"}
    return {
        **base,
        "FJORDKUBE_NODE": "w1",
        "FJORDKUBE_ROLE": "worker",
        "FJORDKUBE_SOURCE": "bundle",
        "FJORDKUBE_ORIGIN": "built",
        "FJORDKUBE_BUNDLE": str(bundle),
        "FJORDKUBE_SCRIPT": shell(["artifacts"], script),
        "FJORDKUBE_SSH_HOST": "127.0.0.1",
        "FJORDKUBE_SSH_PORT": "2222",
        "FJORDKUBE_SSH_USER": "root",
        "FJORDKUBE_SSH_KEY": "PRIVATE KEY",
        "FJORDKUBE_SSH_HOST_KEY": "ssh-ed25519 AAAA",
        **{f"FJORDKUBE_VERSION_{name.upper().replace('-', '_')}": version for name, version in VERSIONS.items()},
    }


def deliver(environment: dict[str, str]) -> dict[str, Any]:
    done = run("artifacts", environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(environment: dict[str, str]) -> str:
    done = run("artifacts", environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.partition("error: ")[2]


def test_what_a_node_lacks_is_sent_once_and_a_second_run_sends_nothing(
    node: Machine, environment: dict[str, str]
) -> None:
    first = deliver(environment)
    assert first["bytes_sent"] > 100
    assert first["versions"] == VERSIONS
    place = node.root / "opt/fjordkube/calico-cni/v3.28.5"
    assert (place / "calico").read_bytes() == (place / "calico-ipam").read_bytes() == small_bundle.PROGRAM
    assert os.readlink(node.root / "opt/cni/bin/calico-ipam") == "/opt/fjordkube/calico-cni/v3.28.5/calico-ipam"
    again = deliver(environment)
    assert (again["bytes_sent"], again["changed"]) == (0, 0)


def test_a_cut_connection_is_gone_on_with(node: Machine, environment: dict[str, str], tmp_path: Path) -> None:
    # the second time that bytes are sent, the connection ends in the middle of them, once
    ssh = tmp_path / "bin" / "ssh"
    whole = ssh.read_text()
    ssh.write_text(
        whole.replace(
            "  exec bash -s\n",
            '  cat >"$NOTES/sent"\n'
            '  if [ ! -e "$NOTES/cut" ] && grep -aq "ELF calico" "$NOTES/sent"; then\n'
            '    touch "$NOTES/cut"; head -c -40 "$NOTES/sent" | bash -s 2>/dev/null; exit 255\n'
            "  fi\n"
            '  exec bash -s <"$NOTES/sent"\n',
        )
    )
    done = run("artifacts", environment)
    assert done.returncode == 0, done.stderr
    assert "the connection was cut after" in done.stderr
    assert (node.root / "opt/cni/bin/calico").is_symlink()


def test_a_node_of_another_architecture_is_told_before_anything_is_sent(
    node: Machine, environment: dict[str, str]
) -> None:
    node.program("uname", "echo aarch64")
    assert "w1: is a machine of arm64, and the bundle" in refused(environment)
    assert not node.exists("/var/lib/fjordkube")


def test_a_release_without_packages_is_told_with_what_it_lacks(node: Machine, environment: dict[str, str]) -> None:
    node.write("/etc/os-release", 'ID=ubuntu\nVERSION_ID="24.04"\n')
    words = refused(environment)
    assert "w1: runs ubuntu-24.04 and lacks conntrack" in words
    assert "has packages for debian-13" in words


def test_a_full_disk_is_told_with_how_much_is_needed(node: Machine, environment: dict[str, str]) -> None:
    node.program("df", 'echo "Filesystem"; echo "/dev/vda 100 1 0 1% /"')
    assert "w1: has 0.0 GB free in /var/lib" in refused(environment)


def test_a_bundle_of_other_versions_is_told(node: Machine, environment: dict[str, str]) -> None:
    environment["FJORDKUBE_VERSION_CALICO"] = "v3.31.0"
    assert "artifacts.path: " in refused(environment)


def test_a_nodes_script_is_told_where_a_mirror_has_files_and_images() -> None:
    mirror = {"FJORDKUBE_MIRROR_FILES": "https://mirror.example.no/files", "FJORDKUBE_MIRROR_REGISTRY": "r.example.no"}
    versions = {**VERSIONS, "ingress-nginx": "v1.11.8"}
    found = lists.find(
        {
            "FJORDKUBE_ROLE": "worker",
            "FJORDKUBE_SOURCE": "mirror",
            **mirror,
            **{f"FJORDKUBE_VERSION_{name.upper().replace('-', '_')}": version for name, version in versions.items()},
        }
    )
    assert found.values["MIRROR_FILES"] == "https://mirror.example.no/files"
    assert found.values["MIRROR"] == "r.example.no"
    assert all(file.url.startswith("https://mirror.example.no/files/") for file in found.needs.files)


def test_an_image_that_was_damaged_on_the_way_is_told_and_comes_anew(
    node: Machine, environment: dict[str, str], bundle: Path
) -> None:
    (image,) = json.loads((bundle / "bundle.json").read_text())["images"]
    part = node.write(f"/var/lib/fjordkube/incoming/{image['sha256']}")
    part.write_bytes(b"x" * image["size"])
    done = run("artifacts", environment)
    assert done.returncode == 1
    assert f"error: w1: image {image['reference']} has SHA-256" in done.stderr
    deliver(environment)
