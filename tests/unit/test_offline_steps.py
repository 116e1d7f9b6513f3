"""Results of the build: whole or not there, under a key of what went in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from offline import build, debian, gosource, keys, lock, manifest, programs
from offline.manifest import Manifest
from offline.step import Step, remove
from tests.unit.local_machine import until


def step(result: Path, action: Callable[[Path], None]) -> Step:
    return Step("s", "a step", result, action, 1)


# --- Step ------------------------------------------------------------------------------------------------------------


def test_result_appears_whole_when_it_is_made(tmp_path: Path) -> None:
    def build(path: Path) -> None:
        assert path != made.result
        assert path.parent == made.result.parent
        path.mkdir()
        (path / "file").write_text("whole")
        assert not made.done

    made = step(tmp_path / "deep" / "result", build)
    made.make()
    assert made.done
    assert (made.result / "file").read_text() == "whole"
    assert [path.name for path in made.result.parent.iterdir()] == ["result"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_interrupted_build_never_looks_done_and_the_next_starts_clean(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    interrupted = True

    def build(path: Path) -> None:
        assert not path.exists()
        path.mkdir()
        (path / "half").touch()
        if interrupted:
            raise failure
        (path / "half").rename(path / "whole")

    made = step(tmp_path / "result", build)
    with pytest.raises(failure):
        made.make()
    assert not made.done
    interrupted = False
    made.make()
    assert [path.name for path in made.result.iterdir()] == ["whole"]


def test_removal_takes_files_folders_and_links_but_not_what_links_lead_to(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to(kept)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("file", "folder", "link", "dangling", "nothing"):
        remove(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


# --- Keys ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Thing:
    name: str
    seconds: float = 1
    inner: tuple[Thing, ...] = ()


def test_estimates_are_no_part_of_a_key_and_content_is() -> None:
    key = keys.of("go", Thing("a", 1, (Thing("b", 2),)))
    assert key == keys.of("go", Thing("a", 99, (Thing("b", 98),)))
    assert key != keys.of("go", Thing("a", 1, (Thing("c", 2),)))
    assert key != keys.of("c", Thing("a", 1, (Thing("b", 2),)))
    assert keys.of({"seconds": 1, "x": [1]}) == keys.of({"x": [1], "seconds": 2}) != keys.of({"x": [2], "seconds": 1})
    assert len(key) == keys.LENGTH


def test_key_does_not_mix_up_where_one_part_ends() -> None:
    assert keys.of("ab", "c") != keys.of("a", "bc")
    assert keys.of(["a", "b"], []) != keys.of(["a"], ["b"])


def test_key_of_a_file_or_folder_is_its_content_and_names_not_its_times_or_place(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place / "src" / "sub").mkdir(parents=True)
        (tmp_path / place / "src" / "main.go").write_text("package main")
        (tmp_path / place / "src" / "sub" / "a").write_text("a")
    one, two = tmp_path / "one" / "src", tmp_path / "two" / "src"
    key = keys.of(one)
    assert key == keys.of(two)
    (two / "__pycache__").mkdir()
    (two / "__pycache__" / "x.pyc").touch()
    assert key == keys.of(two)
    (two / "sub" / "a").rename(two / "sub" / "b")
    assert key != keys.of(two)
    (two / "sub" / "b").rename(two / "sub" / "a")
    (two / "main.go").write_text("package other")
    assert key != keys.of(two)
    assert keys.of(one / "main.go") != keys.of(two / "main.go")


def test_key_of_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        keys.of(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError):
        keys.of(tmp_path / "empty")


# --- Manifest --------------------------------------------------------------------------------------------------------

MODULE: dict[str, Any] = {
    "path": "example.test/m",
    "version": "v1.2.3",
    "sum": "h1:x",
    "programs": {"m": {"package": "cmd/m", "seconds": 3}},
}
RAW = {"groups": {"all": ["m"]}, "modules": {"m": MODULE}, "own": {}}


def result(parsed: Manifest) -> Path:
    (made,) = programs.steps(parsed)
    return made.result


def test_manifest_is_read_into_its_values() -> None:
    module = manifest.parse(RAW).module("m")
    assert (module.path, module.version, module.programs[0].package) == ("example.test/m", "v1.2.3", "cmd/m")
    with pytest.raises(KeyError):
        manifest.parse(RAW).module("n")


@pytest.mark.parametrize(
    ("table", "fields"),
    [
        ("modules", {"m": {**MODULE, "colour": "red"}}),
        ("modules", {"m": {**MODULE, "programs": {"m": {"package": "", "seconds": 1, "colour": "red"}}}}),
        ("modules", {"m": {**MODULE, "pins": [{"path": "p", "version": "v", "sum": "s", "colour": "red"}]}}),
        ("modules", {"m": {k: v for k, v in MODULE.items() if k != "sum"}}),
        ("trees", {"t": {"suite": "s", "variant": "v", "packages": [], "seconds": 1, "colour": "red"}}),
        ("images", {"i": {"name": "n", "seconds": 1, "colour": "red"}}),
        ("compilation", {"m": {"tags": [], "colour": "red"}}),
        ("distributions", {"d": {"suite": "s", "seconds": 1, "colour": "red"}}),
    ],
)
def test_field_that_nobody_reads_or_that_is_missing_is_refused(table: str, fields: object) -> None:
    with pytest.raises(TypeError):
        manifest.parse({**RAW, table: fields})


def test_program_has_a_new_place_when_any_input_changes_and_the_same_otherwise() -> None:
    module = manifest.parse(RAW).module("m")
    base = result(Manifest({}, (module,), ()))
    pin = manifest.Pin("p", "v1.0.0", "h1:y")
    for changed in (
        replace(module, version="v1.2.4"),
        replace(module, sum="h1:z"),
        replace(module, ldflags=("-X a=b",)),
        replace(module, pins=(pin,)),
        replace(module, staging="v0.1.0"),
    ):
        assert result(Manifest({}, (changed,), ())) != base
    slower = replace(module, programs=(replace(module.programs[0], seconds=99),))
    assert result(Manifest({}, (slower,), ())) == base


SEALED = {"tags": ["seccomp"], "libraries": "c"}
TREE = {"suite": "old", "variant": "extract", "packages": ["libc-dev"], "seconds": 1}


def test_way_of_compiling_is_an_input_of_a_program_and_none_is_the_way_of_all_others() -> None:
    plain = result(manifest.parse(RAW))
    sealed = {**RAW, "trees": {"c": TREE}, "compilation": {"m": SEALED}}
    (step,) = programs.steps(manifest.parse(sealed))
    assert step.needs == ("tree-c",)
    others = [
        {**sealed, "compilation": {"m": {**SEALED, "tags": []}}},
        {**sealed, "compilation": {"m": {"tags": ["seccomp"]}}},
        {**sealed, "trees": {"c": {**TREE, "suite": "new"}}},
    ]
    places = [plain, step.result, *(result(manifest.parse(other)) for other in others)]
    assert len(set(places)) == len(places)
    assert result(manifest.parse({**RAW, "compilation": {"another": {"tags": ["x"]}}})) == plain


def test_tree_that_is_only_linked_with_and_a_program_for_bundles_are_made_on_request_alone() -> None:
    raw = {**RAW, "modules": {"runc": MODULE, "m": {**MODULE, "programs": {"n": MODULE["programs"]["m"]}}}}
    of = manifest.parse({**raw, "trees": {"c": TREE, "d": TREE}, "compilation": {"runc": SEALED}})
    steps = [*programs.steps(of), *debian.steps(of)]
    assert {step.name for step in steps if step.on_request} == {"m", "tree-c"}
    assert build.resolve(None, steps) == ["n", "tree-d"]


def test_environment_of_go_has_c_for_a_program_that_links_with_a_tree_alone(tmp_path: Path) -> None:
    assert gosource.environment()["CGO_ENABLED"] == "0"
    with_c = gosource.environment(tmp_path)
    assert with_c["CGO_ENABLED"] == "1"
    assert with_c["PKG_CONFIG_SYSROOT_DIR"] == str(tmp_path)
    assert with_c["PKG_CONFIG_LIBDIR"].startswith(f"{tmp_path}/")


# --- Lock ------------------------------------------------------------------------------------------------------------


def test_second_build_waits_and_says_for_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cache" / "build.lock"
    said: list[str] = []
    waited: list[bool] = []

    def second() -> None:
        with lock.held(path, said.append) as had_to_wait:
            waited.append(had_to_wait)

    with lock.held(path, said.append) as had_to_wait:
        assert not had_to_wait
        assert said == []
        other = threading.Thread(target=second)
        other.start()
        until(lambda: said)
        time.sleep(0.1)
        assert waited == []
    other.join(10)
    assert waited == [True]
    (word,) = said
    assert word.startswith(f"another build holds {path} (pid ")
    assert word.endswith("); waiting for it")
