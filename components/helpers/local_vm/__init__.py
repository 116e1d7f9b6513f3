"""Makes, starts, stops and deletes one virtual machine of source `local` (verbs.py).

Owns the machine's folder (disks, host key, ports), its process, and the stack's layer-2 switch. Reads what is asked
from MACHINE_* environment variables (spec.py), which Pulumi keeps and shows as diffs. Every
verb asks for the real state first: a second run changes nothing, a half-finished one is completed.
"""
