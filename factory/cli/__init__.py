"""The door: what was typed becomes values, verbs get their boundaries, errors are printed."""
