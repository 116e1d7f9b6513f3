"""A test that is skipped fails where CI is set, however it asks to be skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fjordkube.roots import CHECKOUT

MARKED = """
import pytest

@pytest.mark.skipif(True, reason="no nft here")
def test_marked(): ...

def test_says_so_itself():
    pytest.skip("no jq here")

@pytest.fixture
def missing():
    pytest.skip("no sshd here")

def test_by_fixture(missing): ...

@pytest.mark.xfail(reason="is known")
def test_fails_as_expected():
    raise ValueError

def test_runs(): ...
"""
WHOLE = 'import pytest\npytest.importorskip("no_such_module")\ndef test_never(): ...\n'


def run(folder: Path, text: str, ci: str) -> str:
    file = folder / "test_made.py"
    file.write_text(text)
    flags = ["-q", "-p", "tests.no_skips", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(CHECKOUT)}
    words = [sys.executable, "-m", "pytest", *flags, str(file)]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return done.stdout


@pytest.mark.parametrize(
    ("text", "on_a_desk", "in_ci"),
    [
        (MARKED, "1 passed, 3 skipped, 1 xfailed", ("1 failed, 1 passed, 1 xfailed, 2 errors",)),
        (WHOLE, "1 skipped", ("1 error",)),
    ],
    ids=["tests", "module"],
)
def test_a_skip_is_a_failure_in_ci(tmp_path: Path, text: str, on_a_desk: str, in_ci: tuple[str, ...]) -> None:
    assert on_a_desk in run(tmp_path, text, "")
    told = run(tmp_path, text, "true")
    assert all(part in told for part in in_ci), told
    assert "skips nothing: " in told
