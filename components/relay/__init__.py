"""What needs the API and nodes at once, run beside Pulumi: `python3 -I <this folder> VERB`.

Owns joining and removing nodes, and the gates' measuring. Uses the standard library alone and relative imports alone,
so it runs by path, outside any virtual environment. Inputs come by FJORDKUBE_* variables, secrets among them, and never
by argument; progress goes to stderr, one JSON line to stdout. How Pulumi starts it: starting.py.
"""
