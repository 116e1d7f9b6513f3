"""Where things lie on the machine that runs Pulumi: see helpers/roots.py, which owns it."""

from fjordkube.helpers.roots import CHECKOUT, cache_root, home_root, project_root, runtime_root

__all__ = ["CHECKOUT", "cache_root", "home_root", "project_root", "runtime_root"]
