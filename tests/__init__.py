"""Tests, and the real parts they run against."""
