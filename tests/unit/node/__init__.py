"""The node of tests, as far as it is decided before anything runs."""
