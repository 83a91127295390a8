"""Data sets and their corruptions."""

from __future__ import annotations

from .corruptions import add_noise, rotate, uniform_noise
from .datasets import ImageData, available, load, stratified_split

__all__ = ["ImageData", "add_noise", "available", "load", "rotate", "stratified_split", "uniform_noise"]
