"""Rooms against a real kube-apiserver."""
