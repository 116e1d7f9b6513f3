"""For every test."""

from __future__ import annotations

# First of all: the provider stand-ins start quickly by putting a shell of `pulumi` in its place where it is not
# imported yet (offline/plugins/protocol.py), and tests of both share a process.
import pulumi  # noqa: F401

pytest_plugins = ["tests.no_skips"]
