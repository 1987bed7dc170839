"""What is new outside and not in matrix.yaml yet."""
