"""Arguments and printing, nothing else."""
