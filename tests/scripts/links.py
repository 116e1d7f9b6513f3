"""A node's links in Linux network namespaces, with real packets: run in `unshare --net` by test_firewall_kernel.py.

stdin: JSON with `rules` (text for nft; "" for none) and `tries`: [peer, source, target, port]. stdout: JSON, one of
open, refused or silent for each try, and `dropped`, the packets that the rules' last counter has seen (null without).

    outside 10.0.2.2 -- eth0 10.0.2.15   node   eth1 192.168.77.101 -- inside 192.168.77.102, .11; pods 10.244.3.4
                        a Service's 10.96.0.1   cali1 -- pod 10.244.1.5
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PORTS = (22, 80, 179, 443, 2379, 6443, 8443, 10250, 10254, 10256, 31000)
"""The node listens on all of them, on every address."""
HOST_PORT = 9000
"""Of the pod: translated on the node before `input`."""
OUTSIDE_PORT = 5000
"""Of the machine outside: the node asks it."""
SECONDS = 1.0
STARTED: list[subprocess.Popen[Any]] = []
"""Ended when this program ends."""

LISTEN = """
import socket, sys
held = []
for port in map(int, sys.argv[1:]):
    held.append(socket.create_server(("", port)))
print("ready", flush=True)
sys.stdin.read()
"""
TRY = """
import json, select, socket, sys
tries, seconds = json.loads(sys.argv[1]), float(sys.argv[2])
waiting, found = {}, {}
for number, (source, target, port) in enumerate(tries):
    link = socket.socket()
    link.setblocking(False)
    link.bind((source, 0))
    link.connect_ex((target, port))
    waiting[link.fileno()] = (number, link)
while waiting:
    poll = select.poll()
    for file in waiting:
        poll.register(file, select.POLLOUT)
    ready = poll.poll(seconds * 1000)
    if not ready:
        break
    for file, _ in ready:
        number, link = waiting.pop(file)
        error = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        found[number] = "refused" if error else "open"
print(json.dumps([found.get(number, "silent") for number in range(len(tries))]))
"""


def run(*words: str, text: str = "") -> str:
    done = subprocess.run(words, input=text, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{words}: {done.stderr}")
    return done.stdout


class Peer:
    """A network namespace with one cable to the node."""

    def __init__(self, name: str, here: str, *lines: str) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "300"], stdout=subprocess.DEVNULL)
        STARTED.append(self._holder)
        pid = str(self._holder.pid)
        self.enter = ["nsenter", "--target", pid, "--net"]
        while run("readlink", f"/proc/{pid}/ns/net") == run("readlink", "/proc/self/ns/net"):
            pass
        run("ip", "link", "add", here, "type", "veth", "peer", "name", name, "netns", pid)
        batch = [f"link set {name} up", "link set lo up", *lines]
        run(*self.enter, "ip", "-batch", "-", text="\n".join(batch) + "\n")


def listen(enter: Sequence[str], ports: Sequence[int]) -> None:
    words = [*enter, sys.executable, "-c", LISTEN, *map(str, ports)]
    held = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    STARTED.append(held)
    assert held.stdout is not None
    assert held.stdout.readline() == "ready\n"


def attempts(enter: Sequence[str], tries: Sequence[Sequence[Any]]) -> list[str]:
    text = run(*enter, sys.executable, "-c", TRY, json.dumps(tries), str(SECONDS))
    found: list[str] = json.loads(text)
    return found


def build() -> dict[str, list[str]]:
    """The links; words that enter each namespace, by name."""
    route = [f"route add {net} via 10.0.2.15" for net in ("192.168.77.0/24", "10.96.0.0/12", "10.244.0.0/16")]
    # 192.168.77.103 is a lie there
    outside = Peer("o", "eth0", "addr add 10.0.2.2/24 dev o", "addr add 192.168.77.103/32 dev lo", *route)
    inside = Peer(
        "i",
        "eth1",
        *(f"addr add 192.168.77.{last}/24 dev i" for last in (102, 11)),
        "addr add 10.244.3.4/32 dev i",
        "route add 10.96.0.0/12 via 192.168.77.101",
    )
    gateway = ["route add 169.254.1.1 dev p", "route add default via 169.254.1.1"]
    pod = Peer("p", "cali1", "addr add 10.244.1.5/32 dev p", *gateway)
    node = [
        "link set lo up",
        *(f"link set {name} up" for name in ("eth0", "eth1", "cali1")),
        "addr add 10.0.2.15/24 dev eth0",
        "addr add 192.168.77.101/24 dev eth1",
        "addr add 169.254.1.1/32 dev cali1",
        "route add 10.244.1.5/32 dev cali1",
        "route add 10.244.3.4/32 via 192.168.77.102",
        "addr add 10.96.0.1/32 dev lo",
    ]
    run("ip", "-batch", "-", text="\n".join(node) + "\n")
    for key, value in (("ip_forward", "1"), ("conf/all/rp_filter", "0"), ("conf/eth0/rp_filter", "0")):
        Path("/proc/sys/net/ipv4", key).write_text(value)
    chain = f"type nat hook prerouting priority dstnat\n tcp dport {HOST_PORT} dnat to 10.244.1.5\n"
    run("nft", "-f", "-", text=f"table ip translation {{\n chain prerouting {{\n {chain} }}\n}}\n")
    return {"node": [], "outside": outside.enter, "inside": inside.enter, "pod": pod.enter}


def main() -> None:
    """Builds, loads, tries."""
    plan = json.load(sys.stdin)
    places = build()
    listen([], PORTS)
    listen(places["pod"], [HOST_PORT])
    listen(places["outside"], [OUTSIDE_PORT])
    for _ in range(2 if plan["rules"] else 0):  # the second time they replace the first
        run("nft", "-f", "-", text=plan["rules"])
    results = ["silent"] * len(plan["tries"])
    for name, enter in places.items():
        mine = [number for number, entry in enumerate(plan["tries"]) if entry[0] == name]
        found = attempts(enter, [plan["tries"][number][1:] for number in mine])
        for number, result in zip(mine, found, strict=True):
            results[number] = result
    chain = run("nft", "list", "chain", "inet", "fjordkube", "to_node") if plan["rules"] else ""
    match = re.search(r"counter packets (\d+) bytes \d+ drop", chain)
    json.dump({"results": results, "dropped": int(match[1]) if match else None}, sys.stdout)


if __name__ == "__main__":
    try:
        main()
    finally:
        for process in STARTED:
            process.kill()
            process.wait()
