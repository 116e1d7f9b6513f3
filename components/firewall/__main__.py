"""python -m fjordkube.firewall           print the table
python -m fjordkube.firewall --write   update docs/firewall.md"""

from __future__ import annotations

import argparse
import sys

from fjordkube.firewall import page


def main(arguments: list[str]) -> None:
    """Prints the table or updates the page."""
    parser = argparse.ArgumentParser(prog="python -m fjordkube.firewall", description="Table of the firewall")
    parser.add_argument("--write", action="store_true", help=f"update {page.FILE.name} in place of printing")
    if parser.parse_args(arguments).write:
        page.FILE.write_text(page.page())
    else:
        sys.stdout.write(page.text())


if __name__ == "__main__":
    main(sys.argv[1:])
