"""The former place of :mod:`spinbnn.nn.hardware`."""

from __future__ import annotations

from .hardware import BitCellArray as BitCellArray
from .hardware import HardwareConv2d as HardwareConv2d
from .hardware import HardwareLinear as HardwareLinear
from .hardware import to_hardware as to_hardware
