"""The ordering command of the imaginary vendor of docs/sources/vendor-adapter-example.sh: `coolvds order ...`.

Run it as `coolvds`; COOLVDS_FOLDER keeps its servers and a line in `orders` for each that was ordered. A server is
pending in the listing that follows its order, boots in the second, and has a host key on its console from the third.
One that is cancelled is listed once more.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "B" * 43


def main(words: list[str]) -> int:
    """0 with JSON on stdout, or 3 with words on stderr."""
    folder = Path(os.environ["COOLVDS_FOLDER"])
    path = folder / "servers.json"
    servers: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    if os.environ.get("COOLVDS_DOWN"):
        print("coolvds: the API is being maintained", file=sys.stderr)
        return 3
    match words[0]:
        case "order":
            servers.append(order(folder, words[1:], len(servers)))
            print(json.dumps(servers[-1]))
        case "servers":
            assert words[1:] == ["--all", "--output", "json"]
            print(json.dumps(listing(servers)))
            servers = [server for server in servers if server["status"] != "cancelling"]
        case "cancel":
            (server,) = [server for server in servers if str(server["id"]) == words[1]]
            assert server["status"] != "cancelling", "cancelled twice"
            server["status"] = "cancelling"
    path.write_text(json.dumps(servers))
    return 0


def order(folder: Path, words: list[str], count: int) -> dict[str, Any]:
    """A server, from the order's options; an unknown one ends the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-substitute", action="store_true", required=True)
    for name in ("label", "hostname", "location", "product", "template", "vlan", "private-ip", "root-key"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--extra-disk", type=int)
    parser.add_argument("--extra-disk-label")
    asked = vars(parser.parse_args(words))
    with (folder / "orders").open("a") as file:
        file.write(json.dumps(asked) + "\n")
    return {
        "id": 9001 + count,
        "label": asked["label"],
        "status": "pending",
        "location": asked["location"],
        "ipv4": f"203.0.113.{7 + count}",
        "private_ipv4": asked["private_ip"],
        "looks": 0,
    }


def listing(servers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All servers, each a little further than at the last look, and one of somebody who gave it no label."""
    shown = []
    for server in servers:
        server["looks"] += 1
        if server["looks"] == 2:
            server["status"] = "active" if server["status"] == "pending" else server["status"]
        if server["looks"] >= 3:
            server["console_host_keys"] = ["ssh-rsa AAAA root@vm", f"{KEY} root@vm"]
        shown.append({key: value for key, value in server.items() if key != "looks"})
    return [*shown, {"id": 1, "label": None, "status": "active"}]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
