"""What ends the program with a message for a person."""

from __future__ import annotations


class Fault(Exception):
    """`thing: state; fix`; printed without a traceback."""
