__version__ = "0.0.1"

import flash_attn_2_cuda


def flash_attn_func(scale):
    return flash_attn_2_cuda.fwd(scale)
