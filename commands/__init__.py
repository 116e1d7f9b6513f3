"""What a person types: `make` calls `python -m commands VERB`; each verb is a file here.

Owns the order of set-up, checks, engine and report. Leaves the cluster to the Pulumi program and the building of
programs and images to `offline/`.
"""
