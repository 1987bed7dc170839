"""A finished wheel tried on a GPU."""
