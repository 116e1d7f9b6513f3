"""Images as OCI archives: equal bytes for equal inputs, digests that hold, links and capabilities kept."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from offline import oci
from offline.oci import Layer, Start

NAME = "fjordkube.local/demo:v1"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF" + bytes(1000))
    return path


def layer(program: Path) -> Layer:
    made = Layer()
    made.hardlink("/opt/again", "/opt/program")
    made.program("/opt/program", program, oci.file_capability(oci.NET_BIND_SERVICE))
    made.symlink("/bin", "usr/bin")
    made.folder("/tmp", 0o1777)
    made.file("/etc/passwd", b"root:x:0:0::/:/bin/sh\n")
    return made


def entries(layer_file: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(layer_file) as tar:
        return tar.getmembers()


def written(made: Layer, folder: Path) -> dict[str, tarfile.TarInfo]:
    made.write(folder / "layer.tar")
    return {entry.name: entry for entry in entries(folder / "layer.tar")}


# --- Layer -----------------------------------------------------------------------------------------------------------


def test_layer_is_the_same_bytes_in_whatever_order_and_whenever_it_was_put_together(
    program: Path, tmp_path: Path
) -> None:
    first = layer(program).write(tmp_path / "one.tar")
    os.utime(program, (1, 1))
    other = Layer()
    other.file("/etc/passwd", b"root:x:0:0::/:/bin/sh\n")
    other.folder("/tmp", 0o1777)
    other.symlink("/bin", "usr/bin")
    other.program("/opt/program", program, oci.file_capability(oci.NET_BIND_SERVICE))
    other.hardlink("/opt/again", "/opt/program")
    assert other.write(tmp_path / "two.tar") == first
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert first == hashlib.sha256((tmp_path / "one.tar").read_bytes()).hexdigest()


def test_folders_come_before_their_content_and_hard_links_after_what_they_name(program: Path, tmp_path: Path) -> None:
    made = layer(program)
    made.write(tmp_path / "layer.tar")
    names = [entry.name for entry in entries(tmp_path / "layer.tar")]
    for name in names:
        parent = str(Path(name).parent)
        assert parent == "." or names.index(parent) < names.index(name)
    assert names.index("opt/program") < names.index("opt/again")
    assert names[-1] == "opt/again"


def test_capability_travels_as_the_attribute_that_the_kernel_reads(program: Path, tmp_path: Path) -> None:
    entry = written(layer(program), tmp_path)["opt/program"]
    value = entry.pax_headers["SCHILY.xattr.security.capability"].encode("utf-8", "surrogateescape")
    # vfs_cap_data, revision 2, effective; CAP_NET_BIND_SERVICE is bit 10 of the permitted set
    assert value == bytes.fromhex("0100000200040000000000000000000000000000")
    assert "SCHILY.xattr.security.capability" not in written(layer(program), tmp_path)["etc/passwd"].pax_headers


def test_owner_times_and_modes_are_ours_not_the_builders(program: Path, tmp_path: Path) -> None:
    made = layer(program)
    made.own("/etc", 101, 82)
    found = written(made, tmp_path)
    assert {entry.mtime for entry in found.values()} == {0}
    assert {(e.uid, e.gid) for n, e in found.items() if n.startswith("etc")} == {(101, 82)}
    assert {(e.uid, e.gid) for n, e in found.items() if not n.startswith("etc")} == {(0, 0)}
    assert {e.uname + e.gname for e in found.values()} == {""}
    assert oct(found["tmp"].mode) == "0o1777"
    assert oct(found["opt/program"].mode) == "0o755"


def test_later_entry_replaces_an_earlier_one_and_removal_takes_all_below(tmp_path: Path) -> None:
    made = Layer()
    made.file("/etc/a", b"one")
    made.file("etc/a", b"two")
    made.file("/etc/service/x/run", b"")
    made.file("/etc/serviced", b"")
    made.remove("/etc/service")
    with tarfile.open(fileobj=io.BytesIO(_bytes(made, tmp_path))) as tar:
        assert tar.getnames() == ["etc", "etc/a", "etc/serviced"]
        file = tar.extractfile("etc/a")
        assert file
        assert file.read() == b"two"


def _bytes(made: Layer, folder: Path) -> bytes:
    made.write(folder / "layer.tar")
    return (folder / "layer.tar").read_bytes()


def test_tree_is_copied_with_links_without_devices_and_what_is_skipped(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "usr/bin").mkdir(parents=True)
    (top / "usr/bin/tool").write_text("tool")
    (top / "usr/bin/tool").chmod(0o4755)
    (top / "usr/share/doc/x").mkdir(parents=True)
    (top / "usr/sharex").touch()
    (top / "bin").symlink_to("usr/bin")
    os.mkfifo(top / "usr/fifo")
    made = Layer()
    made.tree(top, skip=("usr/share",))
    found = written(made, tmp_path)
    assert sorted(found) == ["bin", "usr", "usr/bin", "usr/bin/tool", "usr/sharex"]
    assert found["bin"].linkname == "usr/bin"
    assert found["usr/bin/tool"].mode == 0o4755
    elsewhere = Layer()
    elsewhere.tree(top / "usr/bin", at="/opt/bin", mode=lambda path, _mode: 0o600 if path == "tool" else 0o755)
    assert written(elsewhere, tmp_path)["opt/bin/tool"].mode == 0o600


# --- Image -----------------------------------------------------------------------------------------------------------


def blobs(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        files = {entry.name: tar.extractfile(entry) for entry in tar}
        return {name: file.read() for name, file in files.items() if file}


def image(target: Path, program: Path) -> Path:
    oci.write(target, NAME, layer(program), Start(("/opt/program",), ("serve",), ("A=b",), "65532"))
    return target


def test_image_is_the_same_bytes_again(program: Path, tmp_path: Path) -> None:
    first = image(tmp_path / "one.tar", program).read_bytes()
    os.utime(program, (5, 5))
    assert image(tmp_path / "two.tar", program).read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.tar", "program", "two.tar"]


def test_every_digest_and_size_holds_from_the_index_down_to_the_layer(program: Path, tmp_path: Path) -> None:
    content = blobs(image(tmp_path / "image.tar", program))
    assert json.loads(content["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}

    def blob(descriptor: dict[str, Any]) -> bytes:
        algorithm, digest = descriptor["digest"].split(":")
        data = content[f"blobs/{algorithm}/{digest}"]
        assert hashlib.sha256(data).hexdigest() == digest
        assert len(data) == descriptor["size"]
        return data

    index = json.loads(content["index.json"])
    (described,) = index["manifests"]
    assert described["annotations"] == {
        "io.containerd.image.name": NAME,
        "org.opencontainers.image.ref.name": "v1",
    }
    assert described["platform"] == {"architecture": "amd64", "os": "linux"}
    manifest = json.loads(blob(described))
    config = json.loads(blob(manifest["config"]))
    (only,) = manifest["layers"]
    data = blob(only)
    assert config["rootfs"] == {"type": "layers", "diff_ids": [only["digest"]]}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert "opt/program" in tar.getnames()
    # and nothing that is not described
    assert len(content) == 5


def test_container_starts_as_the_recipe_says(program: Path, tmp_path: Path) -> None:
    content = blobs(image(tmp_path / "image.tar", program))
    configs = [json.loads(data) for name, data in content.items() if name.startswith("blobs/") and b"rootfs" in data]
    (config,) = [found["config"] for found in configs]
    assert config == {
        "Entrypoint": ["/opt/program"],
        "Cmd": ["serve"],
        "Env": [oci.SEARCH_PATH, "A=b"],
        "User": "65532",
        "WorkingDir": "/",
    }
    assert Start().config() == {"Env": [oci.SEARCH_PATH], "WorkingDir": "/"}
