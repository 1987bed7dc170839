"""CUDA toolkits: found on this machine or put together in the cache from one of three sources."""

from factory.toolkit.find import find, here, runtime

__all__ = ["find", "here", "runtime"]
