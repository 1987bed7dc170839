"""A wheel from kernels and upstream's setup.py, on this machine or in a container."""
