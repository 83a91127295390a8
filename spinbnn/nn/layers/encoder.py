"""The step from an image to what the first layer takes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...errors import ParameterError
from ..binarizers import binary_sign

HALF_A_STEP = 0.5 / 255.0
"""How far outside [0, 1] a value may lie: it still is one of the 256 steps."""

BITS = {"binary": 1, "bit_serial": 8, "digital": 32}


class ImageEncoder(nn.Module):
    r"""Turn an image in [0, 1] into what the first layer takes.

    ``binary``: ``+1 if x >= 0.5 else -1`` (one bit a pixel); ``bit_serial``: ``round(255 x)``, integers 0..255,
    fed one bit plane after the other; ``digital``: ``x`` unchanged.

    Parameters
    ----------
    kind : str
        ``"binary"``, ``"bit_serial"`` or ``"digital"``.
    shape : (int, int, int) or None
        ``(C, H, W)`` of one image; other images are refused. None: any shape passes.
    where : str
        Name of the network, for the message.

    Raises
    ------
    ParameterError
        On an unknown kind; on images of another shape, or of integers (which no kind takes: 0..255 thresholded at
        0.5 would be a blank image); for ``binary`` and ``bit_serial`` on NaN and on values outside [0, 1] by more than
        half a step of 1/255.

    Examples
    --------
    >>> ImageEncoder("binary")(torch.tensor([0.0, 0.5, 1.0])).tolist()
    [-1.0, 1.0, 1.0]
    """

    def __init__(self, kind: str, shape: Sequence[int] | None = None, where: str = "ImageEncoder") -> None:
        super().__init__()
        if kind not in BITS:
            raise ParameterError(
                "unknown image encoding",
                where="ImageEncoder, argument 'kind'",
                value=kind,
                remedy="binary, bit_serial or digital",
            )
        if shape is not None and (len(shape) != 3 or min(shape) < 1):
            raise ParameterError(
                "the shape of one image has three positive numbers",
                where="ImageEncoder, argument 'shape'",
                value=tuple(shape),
                remedy="(C, H, W)",
            )
        self.kind, self.where = kind, where
        self.shape = None if shape is None else tuple(int(size) for size in shape)

    @property
    def bits(self) -> int:
        """Bits of one pixel: 1, 8 or 32."""
        return BITS[self.kind]

    def forward(self, x: Tensor) -> Tensor:
        """Return the encoded image, shape of ``x``."""
        self._check(x)
        if self.kind == "binary":
            return binary_sign(x.detach() - 0.5)
        return torch.round(x.detach() * 255.0) if self.kind == "bit_serial" else x

    def _check(self, x: Tensor) -> None:
        want = "" if self.shape is None else f"(B, {', '.join(str(size) for size in self.shape)}) "
        if self.shape is not None and (x.ndim != 4 or tuple(x.shape[1:]) != self.shape):
            raise ParameterError(
                "the images have the wrong shape",
                where=self.where,
                value=tuple(x.shape),
                remedy=f"{want}in [0, 1]",
            )
        if not x.is_floating_point():
            raise ParameterError(
                "the images have the wrong type",
                where=self.where,
                value=str(x.dtype),
                remedy=f"real numbers {want}in [0, 1]: images.float() / 255",
            )
        if self.kind != "digital" and x.numel():
            low, high = (float(end) for end in torch.aminmax(x.detach()))
            if not (low >= -HALF_A_STEP and high <= 1.0 + HALF_A_STEP):  # false for NaN, too
                raise ParameterError(
                    f"the images have values outside [0, 1], which {self.kind!r} does not encode",
                    where=self.where,
                    value=(low, high),
                    remedy="images / 255 if they are 0..255; no normalisation in front of a binary first layer",
                )

    def extra_repr(self) -> str:
        """Show kind and shape in ``print(model)``."""
        return repr(self.kind) if self.shape is None else f"{self.kind!r}, shape={self.shape}"
