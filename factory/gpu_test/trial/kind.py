"""What an attention does besides the plain softmax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

UNLIMITED = (-1, -1)


@dataclass(frozen=True)
class Kind:
    """Mask, window (left, right; -1 is without end), softcap, alibi and dropout of an attention."""

    causal: bool = False
    window: tuple[int, int] = UNLIMITED
    softcap: float = 0.0
    alibi: bool = False
    dropout: float = 0.0

    @property
    def needs(self) -> frozenset[str]:
        """The switches of upstream that take this away, by the end of their names."""
        needs = {
            "LOCAL": self.window != UNLIMITED,
            "SOFTCAP": self.softcap > 0,
            "ALIBI": self.alibi,
            "DROPOUT": self.dropout > 0,
        }
        return frozenset(switch for switch, needed in needs.items() if needed)

    @property
    def words(self) -> str:
        """How it is spelled in the name of a case; empty for the plain one."""
        said = (
            ("causal", self.causal),
            ("window {},{}".format(*self.window), self.window != UNLIMITED),
            (f"softcap {self.softcap:g}", self.softcap > 0),
            ("alibi", self.alibi),
            (f"dropout {self.dropout:g}", self.dropout > 0),
        )
        return " ".join(word for word, true in said if true)

    @property
    def keywords(self) -> dict[str, Any]:
        """What all of flash_attn's functions take, alibi's slopes and dropout apart."""
        return {"causal": self.causal, "window_size": self.window, "softcap": self.softcap}


PLAIN = Kind()
CAUSAL = Kind(causal=True)
