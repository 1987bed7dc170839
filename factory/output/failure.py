"""What ended a verb, or kept one cell of several from being built, and what to do about it."""

from __future__ import annotations

from factory.errors import FactoryError
from factory.output.markdown import Markup, bullets, joined, page, plain

_SHOWN = 20  # lines of evidence; the log has all


def markdown(verb: str, error: FactoryError) -> str:
    """Return the page of a job whose ``verb`` ended with ``error``."""
    return page(f"❌ {verb}: {error.what}", account(error))


def account(error: FactoryError) -> Markup:
    """Return the evidence, 20 lines of it at most, and the remedy."""
    more = [f"and {len(error.why) - _SHOWN} more, in the log"] if len(error.why) > _SHOWN else []
    remedy = Markup(f"**What to do:** {plain(error.remedy)}" if error.remedy else "")
    return joined(bullets([*error.why[:_SHOWN], *more]), remedy)
