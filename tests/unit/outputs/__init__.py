"""Tests of where findings go besides the API."""
