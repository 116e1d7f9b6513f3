"""The policy pack (Pulumi CrossGuard): what no stack may do, whatever its program and its settings say.

Owns one rule per file, each a pure function from a resource's inputs to violations. Leaves what settings can refuse by
themselves to `components/settings/`, and what is on the machines to the gates. See docs/residency.md.
"""
