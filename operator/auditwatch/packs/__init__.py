"""The packs that ship with the program: data, read through importlib.resources."""
