"""The trial of an installed wheel: what runs inside the clean environment, on the GPU.

It needs the standard library, torch and flash_attn, runs on Python 3.9 and later, and imports nothing else of
the factory: its folder is copied beside the environment and run from there.
"""
