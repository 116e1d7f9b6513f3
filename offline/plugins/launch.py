"""Starts one stand-in by name: `python launch.py command_provider [engine address]`.

Owns the import path of the plugin's own process, so that no PYTHONPATH leaks into the programs and commands that the
plugin starts. Leaves everything else to the plugin's package.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> None:
    """Replace this folder on the import path by the checkout's root and hand over to the plugin's `main`."""
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    plugin = sys.argv.pop(1)
    importlib.import_module(f"offline.plugins.{plugin}.main").main()


if __name__ == "__main__":
    main()
