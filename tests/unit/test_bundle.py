"""Bundles read and checked: a good one passes in both forms, every damage is told with its place, all at once."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from commands.__main__ import main
from fjordkube.artifacts.needs import Needs
from fjordkube.helpers.artifacts import bundle, index, sbom
from fjordkube.helpers.errors import HelperError
from tests.unit import small_bundle
from tests.unit.small_bundle import CONTROL, DEB

PROGRAM = "files/calico-cni/calico"
IMAGE = "images/pause.tar"
INDEX = "packages/debian-13/Packages"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "bundle"
    small_bundle.make(made)
    return made


def problems(place: Path) -> list[str]:
    return bundle.verify(bundle.read(place))


def packed(folder: Path) -> Path:
    target = folder.with_name("bundle.tar")
    with tarfile.open(target, "w") as tar:
        tar.add(folder, arcname=".")
    return target


# --- What holds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [Path, packed])
def test_good_bundle_passes_as_a_folder_and_as_a_tar(folder: Path, form: Callable[[Path], Path]) -> None:
    read = bundle.read(form(folder))
    assert (read.origin, read.made, read.needs.architecture) == ("built", small_bundle.MADE, "amd64")
    assert [file.name for file in read.needs.files] == ["calico", "calico-ipam"]
    assert read.contents.read(PROGRAM) == small_bundle.PROGRAM
    assert bundle.verify(read, "amd64") == []


def test_architecture_of_the_nodes_is_compared_where_it_is_known(folder: Path) -> None:
    assert bundle.verify(bundle.read(folder), "arm64") == [
        "bundle.json: architecture: amd64, and the nodes are arm64; make a bundle for arm64"
    ]


def test_bundle_of_other_versions_or_origin_than_the_settings_is_told_in_full(folder: Path) -> None:
    read = bundle.read(folder)
    assert bundle.unfit(read, "built", {"kubernetes": "v1.37.1", "calico": "v3.28.5"}) == []
    assert bundle.unfit(read, "upstream", {"kubernetes": "v1.37.0", "calico": "v3.28.5", "ingress-nginx": "v1"}) == [
        f"{folder} has artifacts of origin built, not upstream; make one of upstream",
        f"{folder} has kubernetes v1.37.1, not v1.37.0; make one of that version",
        f"{folder} has no ingress-nginx, v1 is wanted; make one of that version",
    ]


def test_file_of_a_tar_is_read_and_sought_in_within_its_own_bytes(folder: Path) -> None:
    inside = bundle.read(packed(folder)).contents
    with inside.open(PROGRAM) as file:
        assert file.read(4) == b"\x7fELF"
        assert file.read() == b" calico"
        assert file.read() == b""
        file.seek(-6, 2)
        assert file.read() == b"calico"


# --- What does not ---------------------------------------------------------------------------------------------------


def cut(folder: Path) -> None:
    (folder / PROGRAM).write_bytes(small_bundle.PROGRAM[:-1])


def flip(folder: Path) -> None:
    (folder / PROGRAM).write_bytes(small_bundle.PROGRAM.replace(b"c", b"k"))


def lose(folder: Path) -> None:
    (folder / PROGRAM).unlink()


def more(folder: Path) -> None:
    (folder / "files/more").touch()


def link(folder: Path) -> None:
    (folder / PROGRAM).unlink()
    (folder / PROGRAM).symlink_to("/bin/true")


def no_index(folder: Path) -> None:
    (folder / INDEX).unlink()


def other_index(folder: Path) -> None:
    (folder / INDEX).write_text(index.paragraph(CONTROL, Path(DEB).name, 9, "00" * 32))


def no_sbom(folder: Path) -> None:
    (folder / sbom.NAME).unlink()


def other_sbom(folder: Path) -> None:
    (folder / sbom.NAME).write_text("{}")


def outside(folder: Path) -> None:
    def move(needs: Needs) -> Needs:
        return replace(needs, files=tuple(replace(file, path="files/../../secret") for file in needs.files))

    (folder / PROGRAM).unlink()
    small_bundle.again(folder, move)


def two_sums(folder: Path) -> None:
    entry = json.loads((folder / "bundle.json").read_text())
    entry["files"][1]["size"] = 1
    (folder / "bundle.json").write_text(json.dumps(entry))
    needs = bundle.read(folder).needs
    (folder / sbom.NAME).write_text(bundle.text(sbom.of(needs, "built", small_bundle.MADE)))


def other_name(folder: Path) -> None:
    small_bundle.archive(folder / IMAGE, "fjordkube.local/kubernetes/etcd:3.7.0-0")
    small_bundle.again(folder, lambda needs: needs)


def other_digest(folder: Path) -> None:
    def change(needs: Needs) -> Needs:
        return replace(needs, images=(replace(needs.images[0], digest=f"sha256:{'0' * 64}"),))

    small_bundle.again(folder, change)


def other_architecture(folder: Path) -> None:
    small_bundle.again(folder, lambda needs: replace(needs, architecture="arm64"))


def other_blob(folder: Path) -> None:
    content = gzip.decompress((folder / IMAGE).read_bytes())
    at = content.index(b'"architecture":"amd64"')  # the image's configuration, before the manifest and the index
    (folder / IMAGE).write_bytes(gzip.compress(content[:at] + b'"architecture":"amd65"' + content[at + 22 :]))
    small_bundle.again(folder, lambda needs: needs)


def no_archive(folder: Path) -> None:
    (folder / IMAGE).write_bytes(b"nothing")
    small_bundle.again(folder, lambda needs: needs)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (cut, [rf"{PROGRAM}: 10 bytes, bundle.json says 11; make the bundle again"]),
        (flip, [rf"{PROGRAM}: SHA-256 [0-9a-f]{{64}}, bundle.json says [0-9a-f]{{64}}; make the bundle again"]),
        (lose, [rf"{PROGRAM}: missing; make the bundle again"]),
        (more, [r"files/more: not in bundle.json; remove it, or make the bundle again"]),
        (link, [rf"{PROGRAM}: no regular file; make the bundle again"]),
        (no_index, [rf"{INDEX}: missing, apt finds no package without it; make the bundle again"]),
        (other_index, [rf"{INDEX}: {DEB} is not there as bundle.json says; make the bundle again"] * 2),
        (no_sbom, [r"sbom.spdx.json: missing; make the bundle again"]),
        (other_sbom, [r"sbom.spdx.json: does not say what bundle.json says; make the bundle again"]),
        (outside, [r"files/../../secret: listed at a place that is not below files/; make the bundle again"]),
        (two_sums, [rf"{PROGRAM}: listed twice, with two sizes or checksums; make the bundle again"]),
        (
            other_name,
            [rf"{IMAGE}: brings fjordkube.local/kubernetes/etcd:3.7.0-0, bundle.json says fjordkube.*"],
        ),
        (other_digest, [rf"{IMAGE}: brings sha256:[0-9a-f]{{64}}, bundle.json says sha256:0{{64}}; make .*"]),
        (other_architecture, [rf"{IMAGE}: an image for amd64, and arm64 is wanted; make the bundle again"]),
        (
            other_blob,
            [rf"{IMAGE}: blobs/sha256/\w+ has SHA-256 \w+; make .*", rf"{IMAGE}: an image for amd65, and .*"],
        ),
        (no_archive, [rf"{IMAGE}: no OCI archive \(.*\); make the bundle again"]),
    ],
)
def test_damage_is_told_with_place_state_and_fix(folder: Path, damage: Callable[[Path], None], told: list[str]) -> None:
    damage(folder)
    found = problems(folder)
    assert len(found) == len(told), found
    for line, pattern in zip(found, told, strict=True):
        assert re.fullmatch(pattern, line), line


def blobs(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def put(archive: Path, content: dict[str, bytes]) -> None:
    with tarfile.open(archive, "w:gz") as tar:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def test_layer_that_is_missing_in_an_image_is_found(folder: Path) -> None:
    content = blobs(folder / IMAGE)
    largest = max(content, key=lambda name: len(content[name]))
    del content[largest]
    put(folder / IMAGE, content)
    small_bundle.again(folder, lambda needs: needs)
    digest = largest.removeprefix("blobs/").replace("/", ":")
    assert problems(folder) == [f"{IMAGE}: {digest} is missing in it; make the bundle again"]


def test_layer_that_the_images_configuration_does_not_name_is_found(folder: Path) -> None:
    content = blobs(folder / IMAGE)
    indexed = json.loads(content["index.json"])
    descriptor = indexed["manifests"][0]

    def place(of: dict[str, str]) -> str:
        return "blobs/" + of["digest"].replace(":", "/")

    def say(of: dict[str, object], entry: dict[str, object]) -> None:
        data = json.dumps(entry).encode()
        of |= {"digest": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data)}
        content[f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"] = data

    manifest = json.loads(content.pop(place(descriptor)))
    config = json.loads(content.pop(place(manifest["config"])))
    config["rootfs"]["diff_ids"] = [f"sha256:{'0' * 64}"]
    say(manifest["config"], config)
    say(descriptor, manifest)
    put(folder / IMAGE, {**content, "index.json": json.dumps(indexed).encode()})

    def change(needs: Needs) -> Needs:
        return replace(needs, images=(replace(needs.images[0], digest=descriptor["digest"]),))

    small_bundle.again(folder, change)
    assert problems(folder) == [
        f"{IMAGE}: layers are not those that the image's configuration names (diff_ids); make the bundle again"
    ]


def test_everything_that_is_wrong_is_told_at_once_and_by_the_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bundle-verify", str(folder)]) == 0
    assert "2 files, 1 images, 1 packages of debian-13" in capsys.readouterr().out
    for damage in (cut, more, no_index):
        damage(folder)
    assert main(["bundle-verify", str(folder), "--architecture", "arm64"]) == 1
    said = capsys.readouterr().err
    assert f"error: 4 problems in {folder}:" in said
    for path in (PROGRAM, "files/more", INDEX, "bundle.json: architecture"):
        assert f"  - {path}" in said


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 2}, "format: 2, and this program reads 1"),
        ({"origin": "elsewhere"}, "origin: 'elsewhere'; upstream or built"),
        ({"made": "yesterday"}, "made: 'yesterday'; a time in UTC"),
        ({"architecture": "riscv64"}, "architecture: 'riscv64'; amd64 or arm64"),
        ({"files": [{"colour": "red"}]}, "files: unknown field colour"),
    ],
)
def test_list_that_is_none_is_refused_with_its_field(folder: Path, change: dict[str, object], told: str) -> None:
    entry = json.loads((folder / "bundle.json").read_text()) | change
    (folder / "bundle.json").write_text(json.dumps(entry))
    with pytest.raises(HelperError) as refused:
        bundle.read(folder)
    assert str(refused.value) == f"{folder}: bundle.json: {told}; make the bundle again"


def test_place_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    for place, told in (
        (tmp_path / "nothing", "not there; name a bundle's folder or .tar"),
        (tmp_path / "text", "no .tar that can be read"),
        (tmp_path, "no bundle, it has no bundle.json"),
    ):
        with pytest.raises(HelperError, match=f"^{place}: {told}"):
            bundle.read(place)


# --- Bill of materials -----------------------------------------------------------------------------------------------


def test_bill_of_materials_names_everything_with_version_licence_checksum_and_origin(folder: Path) -> None:
    needs = bundle.read(folder).needs
    bill = json.loads((folder / sbom.NAME).read_text())
    assert (bill["spdxVersion"], bill["dataLicense"]) == ("SPDX-2.3", "CC0-1.0")
    packages = {one["SPDXID"]: one for one in bill["packages"]}
    assert len(packages) == len(bill["packages"]) == 4
    assert all(re.fullmatch(r"SPDXRef-[a-zA-Z0-9.-]+", identity) for identity in packages)
    assert {one["relatedSpdxElement"] for one in bill["relationships"]} == set(packages)
    program = packages["SPDXRef-file-calico-cni-calico"]
    assert program["licenseDeclared"] == "Apache-2.0"
    assert program["checksums"] == [{"algorithm": "SHA256", "checksumValue": needs.files[0].sha256}]
    locators = {one["name"]: one["externalRefs"][0]["referenceLocator"] for one in bill["packages"]}
    assert locators["calico"] == "pkg:golang/github.com/projectcalico/calico@v1.11.0"
    assert locators["conntrack"] == "pkg:deb/debian/conntrack@1%3A1.4.8-2?arch=amd64&distro=debian-13"
    assert locators["fjordkube.local/kubernetes/pause"].startswith("pkg:oci/pause@sha256%3A")
    published = replace(needs.files[0], url="https://example.test/calico")
    (entry, *_) = sbom.of(replace(needs, files=(published,)), "upstream", small_bundle.MADE)["packages"]
    assert entry["downloadLocation"] == "https://example.test/calico"


def test_index_of_packages_is_read_with_its_long_fields_and_refused_where_it_is_none() -> None:
    text = f"{index.paragraph(CONTROL, 'a.deb', 9, 'ab')}\n{index.paragraph(CONTROL, 'b.deb', 8, 'cd')}"
    one, two = index.paragraphs(text)
    assert one["Description"] == "connections\n of a host"
    assert [(index.place(entry), entry["Size"], entry["SHA256"]) for entry in (one, two)] == [
        ("a.deb", "9", "ab"),
        ("b.deb", "8", "cd"),
    ]
    with pytest.raises(ValueError, match="no field"):
        index.paragraphs("nothing of the kind")
