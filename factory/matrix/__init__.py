"""``matrix.yaml``: from text to the values of ``factory.matrix.model``, with every complaint at once."""

from factory.matrix.load import load

__all__ = ["load"]
