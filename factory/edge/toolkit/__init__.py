"""CUDA toolkits: found on this machine or put together in the cache from one of three sources."""

from factory.edge.toolkit.find import find, here

__all__ = ["find", "here"]
