"""The kernels of a set, from upstream's sdist to the pool."""
