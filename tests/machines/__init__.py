"""Real virtual machines outside of any stack, for tests of sources that do not make machines themselves."""
