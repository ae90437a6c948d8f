"""Another machine over this machine's files: Debian's kernel in QEMU, with cgroups of version 2 alone.

What a test does depends on the kernel and how its cgroups are mounted; neither can be changed on the machine that
the tests run on. The other one sees all files read-only and writes to its own memory: nothing of it is left.
"""
