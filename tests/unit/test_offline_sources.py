"""What upstream sources become: scratch modules, changed templates, programs found behind links."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from offline import libraries, recipes
from offline.gosource import render
from offline.manifest import Module, Pin
from tests.golden.golden import check

UPSTREAM: dict[str, Any] = {
    "Module": {"Path": "example.test/big"},
    "Go": "1.26.0",
    "Godebug": [{"Key": "default", "Value": "go1.26"}],
    "Require": [
        {"Path": "example.test/staged/api", "Version": "v0.0.0"},
        {"Path": "example.test/staged/sample", "Version": "v0.0.0"},
        {"Path": "example.test/plain", "Version": "v1.4.0"},
        {"Path": "example.test/forked", "Version": "v1.0.0", "Indirect": True},
        {"Path": "example.test/beside", "Version": "v0.0.0"},
    ],
    "Replace": [
        {"Old": {"Path": "example.test/staged/api"}, "New": {"Path": "./staging/api"}},
        {"Old": {"Path": "example.test/staged/sample"}, "New": {"Path": "./staging/sample"}},
        {"Old": {"Path": "example.test/forked"}, "New": {"Path": "example.test/fork", "Version": "v1.0.1"}},
    ],
}
MODULE = Module(
    name="big",
    path="example.test/big",
    version="v1.36.3",
    sum="h1:x",
    programs=(),
    pins=(
        Pin("example.test/beside", "v0.0.0-2024", "h1:y", replace=True),
        Pin("example.test/extra", "v2.0.0", "h1:z"),
    ),
    staging="v0.36.3",
    staging_skip=("example.test/staged/sample",),
)


def test_scratch_module_repeats_upstreams_versions_with_folders_replaced_by_published_ones() -> None:
    check("offline/scratch-go.mod", render(MODULE, UPSTREAM))


def test_scratch_module_without_replacements_has_none() -> None:
    plain = Module(name="small", path="example.test/small", version="v1.0.0", sum="h1:x", programs=())
    assert render(plain, {"Go": "1.25"}) == (
        "module scratch/small\ngo 1.25\nrequire (\n\texample.test/small v1.0.0\n)\n"
    )


# --- Templates -------------------------------------------------------------------------------------------------------

BIRD = '# head\nfilter calico_kernel_programming {\n  if x then { krt_tunnel = "tunl0"; accept; }\n}\n'


def test_bird_template_declares_what_stock_bird_does_not_know() -> None:
    assert recipes.for_debian_bird(BIRD) == BIRD.replace(
        "filter calico_kernel_programming {", "filter calico_kernel_programming string krt_tunnel; {"
    )


@pytest.mark.parametrize("template", ["", "filter other {", BIRD + BIRD])
def test_bird_template_that_has_changed_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="BIRD template has changed"):
        recipes.for_debian_bird(template)


END = "{{/* definition of templates to avoid repetitions */}}"
NGINX = f"http {{\n}}\n\nstream {{\n  lua;\n}}\n\n{END}\n{{{{ define }}}}\n"


def test_stream_block_of_the_nginx_template_is_replaced_and_nothing_else() -> None:
    assert recipes.with_stream_block(NGINX, "stream { ours }") == (
        f"http {{\n}}\n\nstream {{ ours }}\n{END}\n{{{{ define }}}}\n"
    )


@pytest.mark.parametrize(
    "template", ["", NGINX.replace("stream {", "streams {"), NGINX.replace(END, ""), NGINX + NGINX]
)
def test_nginx_template_that_has_changed_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="template has changed"):
        recipes.with_stream_block(template, "stream { ours }")


# --- Links -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A root with merged /usr, alternatives, and a file of the same path outside it."""
    root = tmp_path / "tree"
    for folder in ("usr/bin", "usr/sbin", "usr/lib/x86_64-linux-gnu", "etc/alternatives"):
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    (root / "lib").symlink_to("/usr/lib")
    (root / "usr/bin/kmod").write_text("kmod")
    (root / "usr/sbin/modprobe").symlink_to("../bin/kmod")
    (root / "usr/sbin/iptables").symlink_to("/etc/alternatives/iptables")
    (root / "etc/alternatives/iptables").symlink_to("/bin/kmod")
    (root / "usr/lib/x86_64-linux-gnu/libc.so.6").write_text("libc")
    (root / "escape").symlink_to("../../../../../../../../usr/bin/kmod")
    (root / "round").symlink_to("/about")
    (root / "about").symlink_to("round")
    (root / "dangling").symlink_to("/usr/bin/gone")
    return root


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/usr/bin/kmod", "usr/bin/kmod"),
        ("/bin/kmod", "usr/bin/kmod"),
        ("/usr/sbin/modprobe", "usr/bin/kmod"),
        ("/usr/sbin/iptables", "usr/bin/kmod"),
        ("/lib/x86_64-linux-gnu/libc.so.6", "usr/lib/x86_64-linux-gnu/libc.so.6"),
        ("/escape", "usr/bin/kmod"),
    ],
)
def test_links_are_followed_as_if_the_tree_were_the_root(tree: Path, path: str, file: str) -> None:
    assert libraries.resolve(tree, path) == tree / file


def test_links_in_a_circle_and_to_nothing_are_errors(tree: Path) -> None:
    with pytest.raises(FileNotFoundError, match="links in a circle"):
        libraries.resolve(tree, "/round")
    with pytest.raises(FileNotFoundError, match=r"tree/usr/bin/gone"):
        libraries.resolve(tree, "/dangling")
    with pytest.raises(FileNotFoundError):
        libraries.resolve(tree, "/usr/bin/nothing")
