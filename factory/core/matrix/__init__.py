"""``matrix.yaml``: from text to the values of ``factory.core.model``, with every complaint at once."""

from factory.core.matrix.load import load

__all__ = ["load"]
