"""Rooms by themselves."""
