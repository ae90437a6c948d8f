"""The project's image, built on this machine from its own Dockerfile: no Docker, no image registry, no daemon.

``python -m tests.images`` prints where the archive is and how large; `tests.images.project.project_image` is for tests.
"""
