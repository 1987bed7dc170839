"""A stale copy of another package: it must not be packed."""
