"""The pages that people read: what they name is there."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from fjordkube.roots import CHECKOUT

ROOT = [CHECKOUT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES = sorted([*ROOT, *(CHECKOUT / "docs").rglob("*.md")])
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))

FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FOLDERS = ("__main__.py", "commands/", "components/", "docs/", "offline/", "tests/")
"""Not stacks/: pages show files there that a reader may write."""


def code(page: Path) -> list[str]:
    """Blocks and spans of code."""
    text = page.read_text()
    return FENCE.findall(text) + SPAN.findall(FENCE.sub("", text))


def anchors(page: Path) -> set[str]:
    """What a link into a page may name: its headings, as GitHub writes them."""
    heads = re.findall(r"^#+ +(.+?) *$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def named_paths(page: Path) -> Iterator[str]:
    """Paths of this checkout in code."""
    for text in code(page):
        for word in re.findall(r"(?<![\w./-])[\w.-]+(?:/[\w.-]*)*", text):
            if word.startswith(FOLDERS):
                yield word


@EACH_PAGE
def test_links_of_a_page_resolve(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        if anchor:
            assert anchor in anchors(other), target


@EACH_PAGE
def test_make_targets_that_a_page_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    named = {name for text in code(page) for name in re.findall(r"\bmake ([a-z][a-z0-9-]*)", text)}
    assert named <= targets


@EACH_PAGE
def test_paths_that_a_page_names_exist(page: Path) -> None:
    assert [path for path in named_paths(page) if not (CHECKOUT / path).exists()] == []


@EACH_PAGE
def test_type_tokens_that_a_page_names_exist(page: Path) -> None:
    source = "".join(file.read_text() for file in (CHECKOUT / "components").rglob("*.py"))
    for token in re.findall(r"fjordkube:[a-z]+:[A-Z]\w+", page.read_text()):
        assert f'"{token}"' in source, token


@EACH_PAGE
def test_no_figure_of_a_page_is_left_open(page: Path) -> None:
    assert re.findall(r"@@\w+@@", page.read_text()) == []


def test_picture_is_well_formed_and_readable_without_seeing_it() -> None:
    picture = ElementTree.parse(CHECKOUT / "docs" / "picture.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert picture.findtext(f"{space}title")
    assert picture.findtext(f"{space}desc")
    assert "prefers-color-scheme: dark" in (picture.findtext(f"{space}style") or "")


CITED = re.compile(
    r"(?<![\w./<*{-])(?:bench|commands|components|docs|offline|policy|tests)/[\w./-]+\.(?:json|md|py|sh|toml)\b"
)


def test_comments_cite_files_that_are_there() -> None:
    """Of every file that is in the repository, programs without a suffix among them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=True).stdout
    files = [CHECKOUT / name for name in listed.decode().split("\0") if name]
    lacking = {
        (str(file.relative_to(CHECKOUT)), cited)
        for file in files
        if file.is_file() and file.suffix not in (".svg", ".png") and (text := file.read_text(errors="replace"))
        for cited in CITED.findall(text)
        if not (CHECKOUT / cited).exists()
    }
    assert lacking == set()
