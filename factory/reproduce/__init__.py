"""Wheels and kernels made again elsewhere, and compared with those that are there, byte for byte."""
