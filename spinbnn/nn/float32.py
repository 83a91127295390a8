"""Products in full float32, where sums must be exact: no TF32, no bfloat16, no autocast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch

FULL = ("ieee", "none", False)


def _places(kind: str) -> list[tuple[Any, str, Any]]:
    """Return where torch keeps the precision of float32 products on a kind of device: object, attribute, value for full float32."""
    backends: Any = torch.backends
    owners = {"cuda": (backends.cuda.matmul, getattr(backends.cudnn, "conv", backends.cudnn)), "cpu": ()}
    if hasattr(backends.mkldnn, "matmul"):
        owners["cpu"] = (backends.mkldnn.matmul, backends.mkldnn.conv)
    return [(one, *(("fp32_precision", "ieee") if hasattr(one, "fp32_precision") else ("allow_tf32", False))) for one in owners[kind]]


PLACES = {kind: _places(kind) for kind in ("cpu", "cuda")}
_LOCK = Lock()
_inside: dict[str, int] = {}
_changed: dict[str, list[tuple[Any, str, Any]]] = {}


@contextmanager
def full_float32(device: torch.device | str) -> Iterator[None]:
    """Compute float32 products and convolutions on a device in full float32, and restore its settings.

    torch lets cuDNN convolutions run in TF32 by default (operands of 11 significant bits, sums in float32), and matrix products
    too once somebody sets ``torch.set_float32_matmul_precision`` to ``"high"`` or ``"medium"`` (on the CPU bfloat16, 8 bits). Signs and
    pixels of 0..255 have 8 significant bits at most and survive both; sums do as long as they are added up in float32. The
    kernels of the arrays' responses have 22 and do not. ``torch.autocast`` computes in 16 bits, where sums above 2048 (float16) or
    256 (bfloat16) are not exact.

    The settings are torch's own, for the whole process: other threads compute in full float32 meanwhile, and the last thread that
    leaves such a context restores them. A backward pass after the context is not covered. What was inherited from a general setting
    is set explicitly afterwards, to the same value. Inside, torch refuses to read its older switches (``allow_tf32``) where they were on.

    Which algorithm a GPU takes is not set: Winograd and Fourier transforms, which cuDNN may choose for a convolution, round sums of
    integers even in full float32.

    Parameters
    ----------
    device : torch.device or str
        Where the tensors lie.

    Examples
    --------
    >>> with torch.autocast("cpu", dtype=torch.bfloat16), full_float32("cpu"):
    ...     (torch.ones(1, 4097) @ torch.ones(4097, 1)).item()
    4097.0
    """
    kind = torch.device(device).type
    _enter(kind)
    try:
        if kind in PLACES and torch.is_autocast_enabled(kind):
            with torch.autocast(kind, enabled=False):
                yield
        else:
            yield
    finally:
        _leave(kind)


def _enter(kind: str) -> None:
    with _LOCK:
        _inside[kind] = _inside.get(kind, 0) + 1
        for one, key, full in PLACES.get(kind, ()):
            before = getattr(one, key)
            if before not in FULL:
                setattr(one, key, full)
                _changed.setdefault(kind, []).append((one, key, before))


def _leave(kind: str) -> None:
    with _LOCK:
        _inside[kind] -= 1
        if not _inside[kind]:
            for one, key, before in reversed(_changed.pop(kind, [])):
                setattr(one, key, before)
