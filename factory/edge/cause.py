"""What lies under an error of the network."""

from __future__ import annotations


def root(error: BaseException) -> str:
    """Give the first cause of ``error``: what requests and urllib3 wrap around it repeats URLs and addresses."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error) or type(error).__name__
