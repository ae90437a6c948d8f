"""Tests of the sources, as far as they need no API server."""
