"""``matrix.yaml``: from text to values, and what follows from them: cells, selectors, the names of wheels."""
