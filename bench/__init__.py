"""Measures what the pool saves: ``nox -s bench``."""
