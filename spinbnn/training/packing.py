"""Binary weights at one bit each: the signs of the proxies, packed into bytes and put back."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import DataError
from ..nn.layers import BinaryConv2d, BinaryLinear


def pack(weight: Tensor) -> Tensor:
    """Return one bit a weight, 1 for +1 and 0 for -1, in C order, as bytes (uint8, the first weight in the highest bit).

    Examples
    --------
    >>> pack(torch.tensor([[1.0, -1.0, 1.0]])).tolist()
    [160]
    """
    return torch.from_numpy(np.packbits((weight.detach().cpu() > 0).numpy().ravel()))


def unpack(bits: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the weights -1 and +1 as float32, shape ``shape``.

    Raises
    ------
    ValueError
        If bits and shape do not fit.

    Examples
    --------
    >>> unpack(torch.tensor([160], dtype=torch.uint8), (1, 3)).tolist()
    [[1.0, -1.0, 1.0]]
    """
    count = math.prod(shape)
    if bits.dtype != torch.uint8 or bits.ndim != 1 or len(bits) != -(-count // 8):
        raise ValueError(f"{tuple(bits.shape)} {bits.dtype} cannot hold the bits of {shape}")
    signs = np.unpackbits(bits.numpy(), count=count).astype(np.float32) * 2.0 - 1.0
    return torch.from_numpy(signs).reshape(shape)


def packable(model: nn.Module) -> dict[str, Tensor]:
    """Return for each binary layer whose proxies may become their signs the name of its weight and the signs.

    A binariser may normalise the proxies, and a row of equal signs then has no sign of its own. So each layer is tried: it
    is in the answer if proxies of -1 and +1 give the same binary weights, bit for bit. The others keep their proxies.

    Examples
    --------
    >>> layer = BinaryLinear(8, 2, generator=torch.Generator().manual_seed(0))
    >>> list(packable(nn.Sequential(layer)))
    ['0.weight']
    """
    found: dict[str, Tensor] = {}
    for name, layer in model.named_modules():
        if not isinstance(layer, BinaryConv2d | BinaryLinear):
            continue
        kept = layer.weight.detach().clone()
        with torch.no_grad():
            signs = layer.binary_weight().detach().clone()
            try:
                layer.weight.copy_(signs)
                same = torch.equal(layer.binary_weight(), signs)
            finally:
                layer.weight.copy_(kept)
        if same:
            found[f"{name}.weight" if name else "weight"] = signs
    return found


def restore(tensors: dict[str, Tensor], shapes: dict[str, list[int]], where: str) -> dict[str, Tensor]:
    """Return the tensors of a weights file with packed weights put back as -1 and +1.

    Raises
    ------
    DataError
        If a packed weight is missing or has another size than its record says.
    """
    found = dict(tensors)
    for name, shape in shapes.items():
        try:
            found[name] = unpack(found.pop(f"{name}.bits"), tuple(int(size) for size in shape))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                "a packed weight of the file is damaged",
                where=where,
                value=f"{name}: {error}"[:200],
                remedy="write the file again with spinbnn.training.save_weights(..., packed=True)",
            ) from error
    return found
