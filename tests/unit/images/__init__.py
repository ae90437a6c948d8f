"""Tests of the way to an API server, as far as they need none."""
