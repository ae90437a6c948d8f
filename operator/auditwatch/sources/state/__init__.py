"""The ``state`` source: what K10 and the cluster around it look like, compared with what they last looked like."""
