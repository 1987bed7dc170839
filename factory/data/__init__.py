"""Facts kept as data: what is true of the outside, with its source, and the texts compilers are given."""

from pathlib import Path

DATA = Path(__file__).parent
