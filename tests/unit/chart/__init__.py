"""The Helm chart: what it renders, what it refuses, and that it says the same as everything it repeats."""
