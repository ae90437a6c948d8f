"""A kind cluster where there is no Docker daemon and no image registry: a daemon and a node image of our own.

kind and dockerd are the real ones; what is ours is where they run and what the node is made of. Root only. Nothing of
the machine changes: the daemon has its own network, mounts and processes, and all of it ends with the test.
"""
