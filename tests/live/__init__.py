"""The product whole: the operator as a process, with the rights of an installation."""
