"""Rotary embedding, as flash_attn_with_kvcache applies it to new queries and keys."""

from __future__ import annotations

import torch


def rotate(tensor: torch.Tensor, angles: tuple[torch.Tensor, torch.Tensor], *, interleaved: bool) -> torch.Tensor:
    """Return (seqlen, heads, head_size) with its first dimensions rotated, in float32, and rounded as the kernel does.

    ``angles`` are cosine and sine, (seqlen or 1, rotated dimensions / 2). Interleaved pairs are neighbours, others half
    the rotated dimensions apart.
    """
    cos, sin = (angle.float().unsqueeze(1) for angle in angles)
    size = 2 * cos.shape[-1]
    turned, rest = tensor[..., :size].float(), tensor[..., size:]
    first, second = _pairs(turned, interleaved=interleaved)
    both = (first * cos - second * sin, first * sin + second * cos)
    joined = torch.stack(both, dim=-1).flatten(-2) if interleaved else torch.cat(both, dim=-1)
    return torch.cat((joined.to(tensor.dtype), rest), dim=-1)


def _pairs(tensor: torch.Tensor, *, interleaved: bool) -> tuple[torch.Tensor, torch.Tensor]:
    if interleaved:
        return tensor[..., 0::2], tensor[..., 1::2]
    half = tensor.shape[-1] // 2
    return tensor[..., :half], tensor[..., half:]
