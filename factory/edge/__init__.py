"""The boundaries: each module wraps one outside thing and turns its failures into our errors."""
