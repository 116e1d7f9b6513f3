"""The talk with the command of a vendor that has no other interface, by a contract in JSON (verbs.py)."""
