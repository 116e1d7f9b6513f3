"""A computer for the machine program: folders of its own, and stand-ins for QEMU, its tools and the switch."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fjordkube.helpers.local_vm import computer as computers
from fjordkube.helpers.local_vm import image, places, process
from fjordkube.helpers.local_vm.spec import GUEST_PORTS, Disk, Power

IMAGE = "abc"
"""Digest of the image."""

QEMU = """\
import json, os, re, socket, subprocess, sys, time

words = sys.argv[1:]
after = lambda option: words[words.index(option) + 1]
text = " ".join(words)
behaviour = os.environ["FAKE_QEMU"]
console = re.search(r"path=([^ ]*console.log)", text)[1]

def say(line):
    with open(console, "a") as out:
        out.write(line + "\\n")

if "FAKE_CHILD" not in os.environ:
    with open(os.environ["FAKE_CALLS"], "a") as calls:
        calls.write("qemu\\n")
    if behaviour == "refuses":
        sys.exit("qemu: no such thing as a guest")
    if behaviour == "dies":
        say("Kernel panic - not syncing: no root")
        sys.exit(0)
    child = subprocess.Popen([sys.executable, *sys.argv], env={**os.environ, "FAKE_CHILD": "1"}, start_new_session=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ready = after("-pidfile") + ".ready"
    while not os.path.exists(ready):
        time.sleep(0.01)
    os.unlink(ready)
    with open(after("-pidfile"), "w") as out:
        out.write(str(child.pid) + "\\n")
    sys.exit(0)

say("")
say("[    0.0] Linux boots")
qmp = socket.socket(socket.AF_UNIX)
path = re.match(r"unix:(.*),server=on", after("-qmp"))[1]
if os.path.exists(path):
    os.unlink(path)
qmp.bind(path)
qmp.listen(4)
ssh = socket.socket()
ssh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if behaviour in ("answers", "deaf"):
    ssh.bind(("127.0.0.1", int(re.search(r"hostfwd=tcp:127.0.0.1:(\\d+)-:22\\b", text)[1])))
    ssh.listen(4)
open(after("-pidfile") + ".ready", "w").close()
if behaviour == "stops":
    time.sleep(0.3)
    for number in range(30):
        say(f"line {number}")
    say("Out of memory")
    sys.exit(1)
import selectors
watch = selectors.DefaultSelector()
watch.register(qmp, selectors.EVENT_READ)
if behaviour in ("answers", "deaf"):
    watch.register(ssh, selectors.EVENT_READ)
end = time.monotonic() + 40
while time.monotonic() < end:
    for key, _ in watch.select(1):
        link, _ = key.fileobj.accept()
        if key.fileobj is ssh:
            link.sendall(b"SSH-2.0-fake\\r\\n")
            link.close()
            continue
        stream = link.makefile("rw")
        def tell(entry):
            stream.write(json.dumps(entry) + "\\n")
            stream.flush()
        tell({"QMP": {}})
        for line in stream:
            command = json.loads(line)["execute"]
            tell({"event": "SOMETHING"})
            if command == "set-action":
                with open(os.environ["FAKE_CALLS"], "a") as calls:
                    calls.write("reboot: " + json.loads(line)["arguments"]["reboot"] + "\\n")
            if command == "query-status":
                tell({"return": {"status": os.environ.get("FAKE_STATUS", "running")}})
            else:
                tell({"return": {}})
            if command == "system_powerdown" and behaviour != "deaf":
                say("powered down")
                sys.exit(0)
"""

SWITCH = """\
#!/bin/bash
echo switch >>"$FAKE_CALLS"
while [ "$1" != -s ]; do shift; done
at=$2
file=${*: -1}
mkdir "$at"
# as the real one: the daemon itself writes its pid file, after its parent has ended
setsid "$PYTHON" -c 'import os, sys, time
open(sys.argv[2], "w").write(str(os.getpid()))
time.sleep(40)' -p "$file" </dev/null >/dev/null 2>&1 &
"""

IMAGES = """\
#!/bin/bash
echo "qemu-img $*" >>"$FAKE_CALLS"
case $1 in
  create) for last; do :; done; echo qcow2 >"${*: -2:1}"; echo "${last%G}" >"$FAKE_SIZE" ;;
  info) echo "{\\"virtual-size\\": $(($(cat "$FAKE_SIZE") * 1073741824))}" ;;
  resize) for last; do :; done; echo "${last%G}" >"$FAKE_SIZE" ;;
esac
"""

NOTED = '#!/bin/bash\necho "${0##*/} $*" >>"$FAKE_CALLS"\n'


@dataclass
class Computer:
    """Folders, and what was called."""

    folder: Path
    """This user's home and, in `cache`, the cache."""

    @property
    def sockets(self) -> Path:
        """Folder of the stack's sockets."""
        return places.sockets("local")

    @property
    def bundle(self) -> Path:
        """Folder of the image's kernel, initrd and base."""
        return self.folder / "cache" / "bundle"

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def disk(self, name: str = "cp1", **fields: Any) -> Disk:
        """What `disk` is asked; the base is a sparse GiB."""
        entry: dict[str, Any] = {"kernel_release": "6.12", "versions": {}}
        for key, file in (("kernel", "kernel"), ("initrd", "initrd"), ("disk", "base")):
            path = self.bundle / file
            entry[key] = str(path.relative_to(self.folder / "cache"))
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
                os.truncate(path, 2**30 if file == "base" else 10)
        image.description(IMAGE).parent.mkdir(parents=True, exist_ok=True)
        image.description(IMAGE).write_text(json.dumps(entry))
        spec = Disk(
            computer=computers.here(),
            stack="local",
            name=name,
            role="control-plane",
            address="192.168.77.11",
            prefix_length=24,
            interface="eth1",
            emulated=True,
            disk_gib=8,
            etcd_disk_gib=0,
            ports={"ssh": None, "api": None},
            image=IMAGE,
            generation=1,
        )
        return replace(spec, **fields)

    def power(self, disk: Disk, **fields: Any) -> Power:
        """What `power` is asked of the machine with that disk."""
        spec = Power(
            computer=disk.computer,
            stack=disk.stack,
            name=disk.name,
            role=disk.role,
            address=disk.address,
            accelerator="tcg",
            cpus=2,
            memory_mib=4096,
            disk_gib=disk.disk_gib,
            etcd_disk_gib=disk.etcd_disk_gib,
            ports=disk.ports,
            guest_ports={use: GUEST_PORTS[use] for use in disk.ports},
            boot=1,
        )
        return replace(spec, **fields)


@contextmanager
def computer(tmp_path: Path, patch: pytest.MonkeyPatch) -> Iterator[Computer]:
    """Stand-ins first in PATH, QEMU's behaviour by $FAKE_QEMU; ends what they left running."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (
        ("vde_switch", SWITCH),
        ("qemu-img", IMAGES),
        *((tool, NOTED) for tool in ("mke2fs", "e2fsck", "resize2fs")),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    fake = programs / "fake-qemu"
    fake.write_text(f'#!/bin/bash\nexec "$PYTHON" {programs / "qemu.py"} "$@"\n')
    fake.chmod(0o755)
    (programs / "qemu.py").write_text(QEMU)
    (tmp_path / "calls").touch()
    patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    patch.setenv("PYTHON", sys.executable)
    patch.setenv("FJORDKUBE_QEMU", str(fake))
    patch.setenv("FAKE_CALLS", str(tmp_path / "calls"))
    patch.setenv("FAKE_SIZE", str(tmp_path / "size"))
    patch.setenv("FAKE_QEMU", "answers")
    patch.delenv("FJORDKUBE_DISK_CACHE", raising=False)
    # a socket's path ends at 108 bytes, and pytest's folders are deep
    with tempfile.TemporaryDirectory(prefix="fk-", dir="/tmp") as short:
        patch.setenv("FJORDKUBE_HOME", str(tmp_path))
        patch.setenv("FJORDKUBE_CACHE", str(tmp_path / "cache"))
        patch.setenv("TMPDIR", short)
        patch.setattr(tempfile, "tempdir", short)
        try:
            yield Computer(tmp_path)
        finally:
            for pid_file in [*tmp_path.rglob("qemu.pid"), *Path(short).rglob("switch.pid")]:
                process.end(pid_file, seconds=1)


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    return bool(process.words(pid))


def until(condition: Any, seconds: float = 10) -> None:
    """Waits for a condition; fails when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


def kill(pid: int) -> None:
    """Ends a process that the test itself has started."""
    os.kill(pid, signal.SIGKILL)
