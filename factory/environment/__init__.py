"""Pythons, and the environments a wheel is built in."""
