"""Tests of the other machine, as far as they boot none."""
