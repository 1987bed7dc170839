"""Wheels and kernel pools into releases."""
