"""Measurements of the product that a person can repeat: `python -m bench.scale`.

Owns what is measured and how it is shown. Leaves bounds that must hold on every commit to tests/.
"""
