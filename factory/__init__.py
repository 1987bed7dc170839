"""The flash-attn wheel factory: a CUDA, torch, Python and C++ ABI matrix in, wheels out.

A package is a subject; CONTRIBUTING.md says which imports which.
"""

__version__ = "0.1.0"
