"""A pretended machine for node scripts: a folder as root, and stand-ins for programs that note how they were called."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fjordkube.shell import File, shell


@dataclass
class Machine:
    """State in (files below `root`), commands out (`calls`)."""

    folder: Path
    root: Path = field(init=False)

    def __post_init__(self) -> None:
        self.root = self.folder / "root"
        (self.folder / "bin").mkdir(parents=True)
        self.root.mkdir()
        (self.folder / "calls").touch()

    def write(self, path: str, text: str = "") -> Path:
        """A file below the root."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def read(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def exists(self, path: str) -> bool:
        return (self.root / path.lstrip("/")).exists()

    def program(self, name: str, body: str = "") -> None:
        """A stand-in: notes `name arguments`, then runs `body` (bash; $ROOT is the root)."""
        file = self.folder / "bin" / name
        note = 'arguments="$*"; printf \'%s\\n\' "${0##*/} ${arguments//$\'\\n\'/ }" >>"$CALLS"'
        file.write_text(f"#!/bin/bash\n{note}\nROOT=$FJORDKUBE_ROOT\n{body}\n")
        file.chmod(0o755)

    def run(
        self,
        scripts: Sequence[str],
        values: Mapping[str, str],
        files: Mapping[str, str] | None = None,
        before: str = "",
        after: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Runs the scripts as the product would; `files` land below the root; `calls` begins anew.

        `before` and `after` are bash around them.
        """
        placed = {f"{self.root}{path}": File(text) for path, text in (files or {}).items()}
        (self.folder / "calls").write_text("")
        return subprocess.run(
            ["bash", "-s"],
            input=before + shell(scripts, values, placed) + after,
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "FJORDKUBE_ROOT": str(self.root),
                "CALLS": str(self.folder / "calls"),
                "TMPDIR": str(self.folder),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        """What the last run called, in order, except for questions."""
        questions = ("systemctl show", "systemctl is-", "systemctl list-", "curl ", "flock ", "journalctl ", "crictl ")
        lines = (self.folder / "calls").read_text().splitlines()
        return [line for line in lines if not line.startswith(questions)]

    @property
    def questions(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()
