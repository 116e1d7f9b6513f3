"""Makes, starts, stops and deletes one virtual machine: `python3 <this folder> disk|power create|update|delete`.

Owns the machine's folder (disks, host key, ports), its process, and the stack's layer-2 switch. Reads what is asked
from MACHINE_* environment variables (spec.py), which Pulumi keeps and shows as diffs. Uses the standard library
alone and relative imports alone, so it runs by path, outside any virtual environment, and starts in about 0.1 s.
Every verb asks for the real state first: a second run changes nothing, a half-finished one is completed.
"""
