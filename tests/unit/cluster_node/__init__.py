"""The parts of the node of tests, one by one and without starting it."""
