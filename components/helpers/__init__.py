"""Programs that run beside Pulumi, as local commands: `python3 -I -m fjordkube.helpers VERB`.

Owns joining and removing nodes (`membership/`), the gates' measuring (`gates/`), asking hosts (`survey/`), virtual
machines on this computer (`local_vm/`) and the talk with a vendor's command (`vendor/`). Uses the standard
library alone. Inputs come by environment variables, secrets among them, and never by argument; progress goes to stderr,
one JSON line to stdout. How Pulumi starts it: launcher.py.
"""
