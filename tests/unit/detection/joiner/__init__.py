"""Tests of the joiner, the state machine between inbox and log."""
