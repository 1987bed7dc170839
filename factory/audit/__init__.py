"""A finished wheel held to what it should be."""
