"""What is published and not yet in ``matrix.yaml``, and the lines that are proposed for it.

Only what was observed is written into a proposal. Where a value must be looked up stands CHECK, which the matrix
refuses to load.
"""
