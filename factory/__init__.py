"""The flash-attn wheel factory: a CUDA, torch, Python and C++ ABI matrix in, wheels out.

``core`` is pure: values in, values out. ``edge`` wraps one outside thing per module. ``verb`` is what
a person asks for. Imports go core, edge, verb, cli and never back.
"""
