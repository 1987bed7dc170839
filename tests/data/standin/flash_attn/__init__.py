"""A stand-in for flash_attn that computes in float32 on any device, and can be told to be wrong.

STANDIN_FAULT: "small:64" makes outputs of that head size 1 % too large, "nan" leaves one value out, "causal" ignores
the mask, "heads" takes the wrong key heads, "empty" gives ones where a query sees no key, "kernels" raises what CUDA
does without a kernel, "rotary" does not rotate, "append" forgets the new values.
"""

import math
import os

import torch

__version__ = "2.8.3.post2"
_FAULT = os.environ.get("STANDIN_FAULT", "")


class _Attention:
    """Written otherwise than the reference: one loop over rows of heads, and logsumexp."""

    def __init__(self, causal, window_size, softcap, alibi_slopes):
        self.causal = causal and _FAULT != "causal"
        self.left, self.right = window_size
        self.softcap = softcap
        self.slopes = alibi_slopes

    def __call__(self, q, k, v):
        return torch.stack([self._one(q[i], k[i], v[i], i) for i in range(q.shape[0])])

    def _one(self, q, k, v, number):
        group = q.shape[1] // k.shape[1]
        outs = []
        for head in range(q.shape[1]):
            at = head % k.shape[1] if _FAULT == "heads" else head // group
            slope = None if self.slopes is None else self.slopes[number, head]
            outs.append(self._head(q[:, head], k[:, at], v[:, at], slope))
        return torch.stack(outs, dim=1)

    def _head(self, q, k, v, slope):
        scores = q.float() @ k.float().T / math.sqrt(q.shape[1])
        if self.softcap > 0:
            scores = self.softcap * torch.tanh(scores / self.softcap)
        rows = torch.arange(len(q), device=q.device)[:, None] + (len(k) - len(q))
        columns = torch.arange(len(k), device=q.device)[None, :]
        if slope is not None:
            scores = scores - slope * (rows - columns).abs()
        seen = torch.ones_like(scores, dtype=torch.bool)
        if self.causal or self.right >= 0:
            seen &= columns <= rows + (0 if self.causal else self.right)
        if self.left >= 0:
            seen &= columns >= rows - self.left
        weights = torch.where(seen, scores, -math.inf)
        weights = torch.exp(weights - torch.logsumexp(weights, dim=1, keepdim=True)) if len(k) else weights
        blank = 1.0 if _FAULT == "empty" else 0.0
        weights = torch.where(seen.any(dim=1, keepdim=True), weights, 0.0)
        out = torch.where(seen.any(dim=1, keepdim=True), weights @ v.float(), blank)
        return _spoiled(out).to(q.dtype)


def _spoiled(out):
    if _FAULT == "kernels":
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nCompile with x")
    if _FAULT == f"small:{out.shape[1]}":
        return out * 1.01
    if _FAULT == "nan" and out.numel():
        first = torch.zeros_like(out)
        first[-1, -1] = math.nan
        return out + first
    return out


def flash_attn_func(
    q, k, v, dropout_p=0.0, causal=False, window_size=(-1, -1), softcap=0.0, alibi_slopes=None, deterministic=False
):
    return _Attention(causal, window_size, softcap, alibi_slopes)(q, k, v)


def flash_attn_varlen_func(
    q, k, v, cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, causal=False, window_size=(-1, -1), softcap=0.0,
    alibi_slopes=None, block_table=None,
):
    outs = []
    for number in range(len(cu_seqlens_q) - 1):
        queries = slice(int(cu_seqlens_q[number]), int(cu_seqlens_q[number + 1]))
        keys = slice(int(cu_seqlens_k[number]), int(cu_seqlens_k[number + 1]))
        if block_table is None:
            key, value = k[keys], v[keys]
        else:
            pages = block_table[number].long()
            key, value = (x[pages].flatten(0, 1)[: keys.stop - keys.start] for x in (k, v))
        slopes = None if alibi_slopes is None else alibi_slopes[number : number + 1]
        attention = _Attention(causal, window_size, softcap, slopes)
        outs.append(attention(q[queries][None], key[None], value[None])[0])
    return torch.cat(outs)


def flash_attn_with_kvcache(
    q, k_cache, v_cache, k=None, v=None, rotary_cos=None, rotary_sin=None, cache_seqlens=None, cache_batch_idx=None,
    cache_leftpad=None, block_table=None, causal=False, window_size=(-1, -1), softcap=0.0, rotary_interleaved=True,
    alibi_slopes=None, num_splits=0,
):
    outs = []
    for number in range(len(q)):
        length = int(cache_seqlens[number])
        query, key = q[number], None if k is None else k[number]
        if rotary_cos is not None and _FAULT != "rotary":
            fixed = not causal and tuple(window_size) == (-1, -1)
            at = torch.arange(len(query)) * (0 if fixed else 1) + length
            query = _turn(query, rotary_cos[at], rotary_sin[at], rotary_interleaved)
            at = torch.arange(len(key)) + length
            key = _turn(key, rotary_cos[at], rotary_sin[at], rotary_interleaved)
        rows = _places(number, k_cache, cache_batch_idx, block_table)
        if key is not None:
            new = [place for place in rows[length : length + len(key)]]
            for offset, (page, row) in enumerate(new):
                k_cache[page, row] = key[offset]
                if _FAULT != "append":
                    v_cache[page, row] = v[number, offset]
            length += len(new)
        start = 0 if cache_leftpad is None else int(cache_leftpad[number])
        pages, places = map(list, zip(*rows[start:length]))
        slopes = None if alibi_slopes is None else alibi_slopes[number : number + 1]
        attention = _Attention(causal, window_size, softcap, slopes)
        outs.append(attention(query[None], k_cache[pages, places][None], v_cache[pages, places][None])[0])
    return torch.stack(outs)


def _places(number, cache, index, table):
    if table is not None:
        return [(int(page), row) for page in table[number] for row in range(cache.shape[1])]
    return [(number if index is None else int(index[number]), row) for row in range(cache.shape[1])]


def _turn(x, cos, sin, interleaved):
    """Turn pairs as complex numbers."""
    size = 2 * cos.shape[1]
    order = torch.arange(size).view(-1, 2) if interleaved else torch.arange(size).view(2, -1).T
    pairs = torch.view_as_complex(x.float()[..., order].contiguous())
    turned = torch.view_as_real(pairs * torch.complex(cos.float(), sin.float())[:, None])
    out = x.clone()
    out[..., order] = turned.to(x.dtype)
    return out
