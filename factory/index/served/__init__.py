"""What the index serves as it is: the page for people and the resolver that needs nothing but Python."""

from pathlib import Path

SITE = Path(__file__).parent
