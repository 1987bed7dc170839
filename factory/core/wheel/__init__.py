"""A wheel as a value: its name, what was read out of it, what it is held to."""
