"""Tests of the records and of what is hidden in them."""
