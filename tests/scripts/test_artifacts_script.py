"""scripts/artifacts.sh on a pretended machine: what is there is asked, what comes is verified, nothing comes twice."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from fjordkube.artifacts import mirror
from fjordkube.shell import shell
from tests.scripts.machine import Machine

FOLDER, INCOMING = "/opt/fjordkube", "/var/lib/fjordkube/incoming"
KUBELET = b"#!/bin/sh\necho kubelet\n"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def archive(**files: bytes) -> bytes:
    """A .tar.gz with these below bin/."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


CONTAINERD = archive(containerd=b"c", ctr=b"t")
FILES = (
    f"kubelet kubernetes v1.37.1 program 0 /usr/local/bin {sha(KUBELET)} {len(KUBELET)} -\n"
    f"containerd containerd v2.2.9 archive 1 /usr/local/bin {sha(CONTAINERD)} {len(CONTAINERD)} -"
)
IMAGE = b"an archive"
DIGEST = "sha256:" + "1" * 64
IMAGES = f"registry.k8s.io/pause:3.10.2 {DIGEST} {sha(IMAGE)} {len(IMAGE)}"


def dress(made: Machine, image: str = f"registry.k8s.io/pause:3.10.2 type {DIGEST} 1") -> None:
    """Debian 13 with systemd and apt; a containerd, which shows `image` once it has imported anything."""
    made.write("/etc/os-release", 'ID=debian\nVERSION_ID="13"\n')
    made.write("/var/lib/keep")
    made.program("df", 'echo "Filesystem"; echo "/dev/vda 100 1 9000000 1% /"')
    made.program("uname", "echo x86_64")
    made.program("flock")
    for name in ("conntrack", "ipset"):
        made.program(name)
    made.program(
        "systemctl",
        'case "$*" in\n'
        '  is-active*containerd) [ -e "$ROOT/containerd-runs" ] ;;\n'
        '  is-enabled*) [ -e "$ROOT/kubelet-enabled" ] ;;\n'
        '  "enable --now containerd") touch "$ROOT/containerd-runs" ;;\n'
        '  "enable kubelet") touch "$ROOT/kubelet-enabled" ;;\n'
        "  *NeedDaemonReload*) echo no ;;\n"
        "esac",
    )
    made.program(
        "ctr",
        'case "$*" in\n'
        '  *"images list") echo "REF TYPE DIGEST SIZE"; cat "$ROOT/store" 2>/dev/null || true ;;\n'
        f'  *"images import"*) cat >/dev/null; echo "{image}" >>"$ROOT/store" ;;\n'
        "esac",
    )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    dress(made)
    return made


def values(step: str, **more: str) -> dict[str, str]:
    return {
        "STEP": step,
        "NODE_NAME": "w1",
        "FOLDER": FOLDER,
        "INCOMING": INCOMING,
        "RECORD": "/etc/fjordkube/artifacts",
        "PROGRAMS": "conntrack conntrack\nipset ipset",
        "UNITS": "/etc/systemd/system/kubelet.service 0644",
        "UNIT_0": "[Unit]\n",
        "FILES": FILES,
        "IMAGES": IMAGES,
        "RELEASE": "",
        "RECEIVE": "",
        "PROXY": "",
        "MIRROR": "",
        "MIRROR_FILES": "",
        "MIRRORED": "",
        "MIRROR_CA": "",
        "MIRROR_LOGIN": "",
        **more,
    }


def have(machine: Machine, **more: str) -> dict[str, Any]:
    done = machine.run(["artifacts"], values("have", **more))
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def send(machine: Machine, receive: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    """As transfer.py does: the script, then the bytes, in one stream."""
    script = "fjordkube() {\n" + shell(["artifacts"], values("receive", RECEIVE=receive)) + "\n}\nfjordkube; exit\n"
    environment = {"PATH": os.environ["PATH"], "FJORDKUBE_ROOT": str(machine.root)}
    return subprocess.run(
        ["bash", "-s"], input=script.encode() + data, env=environment, capture_output=True, check=False
    )


def lay(machine: Machine, *data: bytes) -> None:
    """Parts that have arrived."""
    for one in data:
        path = machine.write(f"{INCOMING}/{sha(one)}")
        path.write_bytes(one)


def test_a_bare_machine_lacks_everything(machine: Machine) -> None:
    machine.write(f"{INCOMING}/{sha(KUBELET)}").write_bytes(KUBELET[:5])
    assert have(machine, PROGRAMS="conntrack conntrack\nnothing-like-this nothing") == {
        "architecture": "x86_64",
        "release": "debian-13",
        "free_kib": 9000000,
        "files": {sha(KUBELET): 5, sha(CONTAINERD): 0},
        "images": {"registry.k8s.io/pause:3.10.2": 0},
        "packages": "nothing",
    }


def test_a_containerd_that_still_starts_is_waited_for(machine: Machine) -> None:
    """It would have no images, and all would be sent again."""
    machine.program("systemctl", 'echo >>"$ROOT/asked"; [ "$(wc -l <"$ROOT/asked")" -ge 3 ] || echo activating')
    machine.program("ctr", '[ "$(wc -l <"$ROOT/asked")" -ge 3 ] && cat "$ROOT/store"')
    machine.write("/store", f"{IMAGES.split()[0]} type {IMAGES.split()[1]} 1\n")
    assert IMAGES.split()[0] not in have(machine)["images"]


def test_bytes_arrive_behind_the_script_and_a_cut_stream_is_gone_on_with(machine: Machine) -> None:
    data = bytes(range(256)) * 4096  # as binary as it gets, larger than a pipe
    name = sha(data)
    cut = send(machine, f"{name} {len(data)} 0", data[:300000])
    assert cut.returncode == 1
    assert b"ended early" in cut.stderr
    there = (machine.root / INCOMING.lstrip("/") / name).stat().st_size
    assert there == 300000
    whole = send(machine, f"{name} {len(data)} {there}\nsmall 3 0", data[there:] + b"abc")
    assert whole.returncode == 0, whole.stderr
    assert (machine.root / INCOMING.lstrip("/") / name).read_bytes() == data
    assert machine.read(f"{INCOMING}/small") == "abc"


def test_what_grew_meanwhile_is_another_runs(machine: Machine) -> None:
    lay(machine, KUBELET)
    assert b"another run is at work here" in send(machine, f"{sha(KUBELET)} 99 5", b"x" * 94).stderr


def test_programs_lie_by_version_and_are_linked(machine: Machine) -> None:
    lay(machine, KUBELET, CONTAINERD, IMAGE)
    done = machine.run(["artifacts"], values("install"))
    assert done.returncode == 0, done.stderr
    assert machine.read(f"{FOLDER}/kubernetes/v1.37.1/kubelet").encode() == KUBELET
    assert os.readlink(machine.root / "usr/local/bin/kubelet") == f"{FOLDER}/kubernetes/v1.37.1/kubelet"
    assert os.readlink(machine.root / "usr/local/bin/ctr") == f"{FOLDER}/containerd/v2.2.9/ctr"
    assert machine.exists("/etc/systemd/system/kubelet.service")
    assert not machine.exists(INCOMING)
    assert json.loads(done.stdout)["changed"] > 0
    assert {"systemctl enable --now containerd", "systemctl enable kubelet"} <= set(machine.calls)

    found = have(machine)
    assert (found["files"], found["images"], found["packages"]) == ({}, {}, "")
    again = machine.run(["artifacts"], values("install"))
    assert json.loads(again.stdout)["changed"] == 0
    assert not [call for call in machine.calls if "restart" in call or "enable" in call]


def test_a_unit_that_changes_back_is_written_again_and_containerd_restarts(machine: Machine) -> None:
    lay(machine, KUBELET, CONTAINERD, IMAGE)
    machine.run(["artifacts"], values("install", UNIT_0="[Service]\nEnvironment=HTTPS_PROXY=x\n"))
    assert "HTTPS_PROXY" in machine.read("/etc/systemd/system/kubelet.service")
    done = machine.run(["artifacts"], values("install"))
    assert done.returncode == 0, done.stderr
    assert machine.read("/etc/systemd/system/kubelet.service") == "[Unit]\n"
    assert "systemctl restart containerd" in machine.calls


def test_another_version_lies_beside_and_takes_over_by_one_rename(machine: Machine) -> None:
    lay(machine, KUBELET, CONTAINERD, IMAGE)
    machine.run(["artifacts"], values("install"))
    newer = b"#!/bin/sh\necho newer\n"
    lay(machine, newer)
    line = f"kubelet kubernetes v1.37.2 program 0 /usr/local/bin {sha(newer)} {len(newer)} -"
    done = machine.run(["artifacts"], values("install", FILES=line))
    assert done.returncode == 0, done.stderr
    assert os.readlink(machine.root / "usr/local/bin/kubelet") == f"{FOLDER}/kubernetes/v1.37.2/kubelet"
    assert machine.exists(f"{FOLDER}/kubernetes/v1.37.1/kubelet")
    # containers go on: their runtime is the same
    assert "systemctl restart containerd" not in machine.calls


def test_a_damaged_file_stops_before_anything_is_installed(machine: Machine) -> None:
    lay(machine, KUBELET, IMAGE)
    machine.write(f"{INCOMING}/{sha(CONTAINERD)}").write_bytes(b"x" * len(CONTAINERD))
    done = machine.run(["artifacts"], values("install"))
    assert done.returncode == 1
    assert "error: w1: containerd" in done.stderr
    assert not machine.exists(FOLDER)
    assert not machine.exists(f"{INCOMING}/{sha(CONTAINERD)}")


def test_a_damaged_image_is_not_imported(machine: Machine) -> None:
    lay(machine, KUBELET, CONTAINERD)
    machine.write(f"{INCOMING}/{sha(IMAGE)}").write_bytes(b"x" * len(IMAGE))
    done = machine.run(["artifacts"], values("install"))
    assert "image registry.k8s.io/pause:3.10.2 has SHA-256" in done.stderr
    assert not [call for call in machine.calls if "import" in call]


def test_an_image_of_another_digest_is_taken_away_again(machine: Machine) -> None:
    lay(machine, KUBELET, CONTAINERD, IMAGE)
    other = IMAGES.replace(DIGEST, "sha256:" + "2" * 64)
    done = machine.run(["artifacts"], values("install", IMAGES=other))
    assert done.returncode == 1
    assert f"is {DIGEST}, and the list says sha256:2222" in done.stderr
    assert [call for call in machine.calls if "images remove" in call]


def test_a_program_of_the_hosts_own_is_not_replaced(machine: Machine) -> None:
    lay(machine, KUBELET, CONTAINERD, IMAGE)
    machine.write("/usr/local/bin/kubelet", "theirs")
    done = machine.run(["artifacts"], values("install"))
    assert "/usr/local/bin/kubelet is there, and not from fjordkube" in done.stderr
    assert machine.read("/usr/local/bin/kubelet") == "theirs"


def test_packages_come_from_the_bundle_alone_and_are_remembered(machine: Machine) -> None:
    lay(machine, KUBELET, CONTAINERD, IMAGE)
    machine.write("/dpkg", "bash\n")
    machine.program("dpkg-query", 'cat "$ROOT/dpkg"')
    machine.program(
        "apt-get",
        f'[ "${{*: -1}}" = update ] || {{ echo tc >>"$ROOT/dpkg"; echo libtc >>"$ROOT/dpkg"; '
        f'printf "#!/bin/sh\\n" >"{machine.folder}/bin/tc-of-tests"; chmod +x "{machine.folder}/bin/tc-of-tests"; }}',
    )
    wanted = values("install", PROGRAMS="tc-of-tests tc", RELEASE="debian-13")
    done = machine.run(["artifacts"], wanted, before="wait_for_packages() { :; }\n")
    assert done.returncode == 0, done.stderr
    called = [call for call in machine.calls if call.startswith("apt-get")]
    assert [call.rsplit(" ", 1)[-1] for call in called] == ["update", "tc"]
    assert all(f"Dir::Etc::SourceList={machine.root}{INCOMING}/packages.list" in call for call in called)
    assert machine.read("/etc/fjordkube/artifacts/packages") == "libtc\ntc\n"


@pytest.mark.parametrize(("package", "masked"), [("haproxy", True), ("tc", False)])
def test_haproxys_own_service_is_masked_before_apt_would_start_it(machine: Machine, package: str, masked: bool) -> None:
    lay(machine, KUBELET, CONTAINERD, IMAGE)
    mask = "/etc/systemd/system/haproxy.service"
    machine.program("dpkg-query", "echo bash")
    machine.program(
        "apt-get",
        f'[ "${{*: -1}}" = update ] || {{ readlink "$ROOT{mask}" >"$ROOT/seen" || true; '
        f'printf "#!/bin/sh\n" >"{machine.folder}/bin/of-tests"; chmod +x "{machine.folder}/bin/of-tests"; }}',
    )
    wanted = values("install", PROGRAMS=f"of-tests {package}")
    done = machine.run(["artifacts"], wanted, before="wait_for_packages() { :; }\n")
    assert done.returncode == 0, done.stderr
    assert machine.read("/seen") == ("/dev/null\n" if masked else "")
    assert machine.exists("/etc/fjordkube/artifacts/haproxy-is-masked") == masked


def test_of_a_bundles_packages_apt_chooses_before_any_is_sent(machine: Machine) -> None:
    machine.program(
        "apt-get",
        '[ "${*: -1}" = update ] || cat <<EOF\n'
        "'file:/x/packages/./tc_1%2b2_amd64.deb' tc_1%2b2_amd64.deb 10 SHA256:00\n"
        "'file:/x/packages/./libtc_1_amd64.deb' libtc_1_amd64.deb 10 SHA256:00\nEOF",
    )
    machine.write(f"{INCOMING}/packages/Packages")
    done = machine.run(["artifacts"], values("choose", PROGRAMS="tc-of-tests tc", RELEASE="debian-13"))
    assert json.loads(done.stdout) == {"packages": ["tc_1+2_amd64.deb", "libtc_1_amd64.deb"]}
    assert "--print-uris install tc" in machine.calls[-1]


def test_apts_words_are_told_when_it_fails(machine: Machine) -> None:
    machine.program("dpkg-query", "echo bash")
    machine.program("apt-get", "echo 'E: no such package' >&2; exit 100")
    done = machine.run(["artifacts"], values("install", PROGRAMS="tc-of-tests tc"))
    assert "E: no such package" in done.stderr
    assert "error: w1: apt-get failed (update)" in done.stderr


def test_a_mirror_stands_in_for_each_registry_and_its_login_is_for_root_alone(machine: Machine) -> None:
    lay(machine, KUBELET, CONTAINERD, IMAGE)
    wanted = values(
        "install",
        MIRROR="mirror.example.no/k8s",
        MIRRORED="registry.k8s.io quay.io",
        MIRROR_CA="PEM",
        MIRROR_LOGIN="dTpw",
    )
    done = machine.run(["artifacts"], wanted)
    assert done.returncode == 0, done.stderr
    text = machine.read("/etc/containerd/certs.d/registry.k8s.io/hosts.toml")
    assert 'server = "https://mirror.example.no/v2/k8s/registry.k8s.io"\n' in text
    assert 'Authorization = "Basic dTpw"' in text
    assert (machine.root / "etc/containerd/certs.d/quay.io/hosts.toml").stat().st_mode & 0o777 == 0o600
    assert "dTpw" not in done.stderr


class TestMirrorOfOneArchitecture:
    """The list has an index' digest, and the node sees a manifest's: the mirror's files have the index."""

    NAME = "registry.k8s.io/pause:3.10.2"
    INDEX = json.dumps({"manifests": [{"digest": DIGEST}, {"digest": "sha256:" + "3" * 64}]}, indent=3).encode()
    FILES = "https://mirror.example.no/files"
    URL = f"{FILES}/registry.k8s.io/v2/pause/manifests/sha256:{sha(INDEX)}"

    def test_it_is_asked_for_where_make_mirror_puts_it(self) -> None:
        assert f"{self.FILES}/{mirror.index_place(self.NAME, f'sha256:{sha(self.INDEX)}')}" == self.URL

    def pull(self, machine: Machine, index: bytes, listed: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """The mirror gives the image of DIGEST, and `index` where one is asked for; empty: it has none."""
        machine.program("crictl", f'[ "$1" != pull ] || echo "$2 type {DIGEST} 1" >>"$ROOT/store"')
        machine.write("/index").write_bytes(index)
        machine.program(
            "curl",
            'while [ $# -gt 0 ]; do [ "$1" != --output ] || output=$2; shift; done\n'
            'if [ -s "$ROOT/index" ]; then cp "$ROOT/index" "$output"; printf 200; else printf 404; exit 22; fi',
        )
        listed = listed or f"sha256:{sha(self.INDEX)}"
        wanted = {"FILES": "", "IMAGES": f"{self.NAME} {listed} - 0", "MIRROR_FILES": self.FILES, **more}
        return machine.run(["artifacts"], values("install", **wanted))

    def asked(self, machine: Machine) -> list[str]:
        return [line for line in machine.questions if line.startswith(("curl ", "crictl pull"))]

    def test_an_image_that_the_listed_index_names_is_taken_and_remembered(self, machine: Machine) -> None:
        first = self.pull(machine, self.INDEX)
        assert first.returncode == 0, first.stderr
        (_, curl) = self.asked(machine)
        assert curl.endswith(f" {self.URL}")
        again = self.pull(machine, b"")
        assert again.returncode == 0, again.stderr
        assert self.asked(machine) == []
        found = have(machine, FILES="", IMAGES=f"{self.NAME} sha256:{sha(self.INDEX)} - 0")
        assert found["images"] == {}

    def test_another_list_is_not_vouched_for_by_what_is_remembered(self, machine: Machine) -> None:
        self.pull(machine, self.INDEX)
        other = "sha256:" + "4" * 64
        found = have(machine, FILES="", IMAGES=f"{self.NAME} {other} - 0")
        assert found["images"] == {self.NAME: 0}

    @pytest.mark.parametrize(
        ("index", "told"),
        [
            (b"", " (the mirror's files have no index that names it: it is not there (404))"),
            (INDEX + b" ", " (the mirror's files have another index under that name)"),
        ],
    )
    def test_without_that_index_it_is_taken_away_again(self, machine: Machine, index: bytes, told: str) -> None:
        done = self.pull(machine, index)
        assert done.returncode == 1
        assert f"is {DIGEST}, and the list says sha256:{sha(self.INDEX)}{told}: it was removed again" in done.stderr
        assert [call for call in machine.calls if "images remove" in call]
        assert not machine.exists("/etc/fjordkube/artifacts/indexes")

    def test_an_index_that_names_others_alone_does_not_help(self, machine: Machine) -> None:
        index = self.INDEX.replace(DIGEST.encode(), b"sha256:" + b"5" * 64)
        done = self.pull(machine, index, f"sha256:{sha(index)}")
        assert done.returncode == 1
        assert " (an index that does not name it): it was removed again" in done.stderr

    def test_without_a_mirror_nobody_is_asked(self, machine: Machine) -> None:
        assert self.pull(machine, self.INDEX, MIRROR_FILES="").returncode == 1
        assert [line for line in machine.questions if line.startswith("curl ")] == []


class TestDownloads:
    """Files that the node gets by itself."""

    URL = "https://release.example.no/kubelet"
    LINE = f"kubelet kubernetes v1.37.1 program 0 /usr/local/bin {sha(KUBELET)} 0 {URL}"

    def test_a_cut_download_is_gone_on_with(self, machine: Machine) -> None:
        machine.program(
            "curl",
            'output=""; while [ $# -gt 0 ]; do [ "$1" != --output ] || output=$2; shift; done\n'
            'if [ -s "$output" ]; then tail -c +6 "$ROOT/kubelet" >>"$output"; exit 0; fi\n'
            'head -c 5 "$ROOT/kubelet" >"$output"; echo "curl: (18) cut" >&2; exit 18',
        )
        machine.program("sleep")
        machine.write("/kubelet").write_bytes(KUBELET)
        done = machine.run(["artifacts"], values("install", FILES=self.LINE, IMAGES=""))
        assert done.returncode == 0, done.stderr
        assert machine.read(f"{FOLDER}/kubernetes/v1.37.1/kubelet").encode() == KUBELET
        calls = [line for line in machine.questions if line.startswith("curl ")]
        assert len(calls) == 2
        assert all("--continue-at -" in call for call in calls)

    def test_a_host_that_does_not_answer_is_named(self, machine: Machine) -> None:
        machine.program("curl", "echo 'curl: (6) no such host' >&2; exit 6")
        machine.program("sleep")
        done = machine.run(["artifacts"], values("install", FILES=self.LINE, IMAGES=""))
        assert done.returncode == 1
        assert f"error: w1: kubelet does not come from {self.URL}: curl: (6) no such host" in done.stderr
        assert not machine.exists(FOLDER)

    def test_another_checksum_is_refused(self, machine: Machine) -> None:
        machine.program(
            "curl", 'while [ $# -gt 0 ]; do [ "$1" != --output ] || output=$2; shift; done; echo other >"$output"'
        )
        done = machine.run(["artifacts"], values("install", FILES=self.LINE, IMAGES=""))
        assert "error: w1: kubelet has SHA-256" in done.stderr
        assert not machine.exists(FOLDER)

    def test_images_are_pulled_by_the_runtime(self, machine: Machine) -> None:
        machine.program("crictl", f'[ "$1" != pull ] || echo "$2 type {DIGEST} 1" >>"$ROOT/store"')
        done = machine.run(
            ["artifacts"], values("install", FILES="", IMAGES=f"registry.k8s.io/pause:3.10.2 {DIGEST} - 0")
        )
        assert done.returncode == 0, done.stderr
        assert "crictl pull registry.k8s.io/pause:3.10.2" in machine.questions
