"""Layers: binary ones, which run on the crossbar, and digital ones, which do not."""

from __future__ import annotations

from .binary import BinaryConv2d, BinaryLinear
from .digital import DigitalConv2d, DigitalLinear
from .encoder import ImageEncoder
from .proxies import INPUT_BITS, BinaryProxies

__all__ = [
    "INPUT_BITS",
    "BinaryConv2d",
    "BinaryLinear",
    "BinaryProxies",
    "DigitalConv2d",
    "DigitalLinear",
    "ImageEncoder",
]
