"""The pool's machine code held to upstream's."""
