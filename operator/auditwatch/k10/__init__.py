"""What K10's groups, kinds, lists and accounts mean: data and pure functions, handed to detection by who composes."""
