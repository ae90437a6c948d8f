"""A Docker daemon and a node image of our own, as far as that is decided before anything runs."""
