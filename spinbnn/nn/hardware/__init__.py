"""Hardware layers: binary layers as the arrays of a chip compute them, at three fidelities, and training through them."""

from __future__ import annotations

from .aware import HardwareAware as HardwareAware
from .convert import FIDELITIES as FIDELITIES
from .convert import FidelityWarning as FidelityWarning
from .convert import clipping as clipping
from .convert import placed_layers as placed_layers
from .convert import reset_clipping as reset_clipping
from .convert import set_read_noise as set_read_noise
from .convert import to_hardware as to_hardware
from .ideal import HardwareConv2d as HardwareConv2d
from .ideal import HardwareLinear as HardwareLinear
from .linear_response import LinearResponseLayer as LinearResponseLayer
from .solved import SolvedLayer as SolvedLayer
from .tiles import BitCellArray as BitCellArray
