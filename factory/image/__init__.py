"""Container engines, registries, and builder images."""
