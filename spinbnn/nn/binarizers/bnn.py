"""The plain binarisation: sign of weights and inputs, straight-through within one."""

from __future__ import annotations

from torch import Tensor

from .base import Binarizer
from .sign import binary_sign


class BNNBinarizer(Binarizer):
    r"""Sign of the proxies as they are and of the inputs.

    ``y = sign(v)``, ``dL/dv = dL/dy 1[|v| <= 1]`` for weights and inputs. A proxy that has left [-1, 1] gets no
    gradient; the source clips the proxies into that interval after every update, which is the optimiser's business
    and not done here.

    References
    ----------
    Hubara et al., "Binarized neural networks", NeurIPS 2016 (arXiv 1602.02830).

    Examples
    --------
    >>> import torch
    >>> BNNBinarizer().weight(torch.tensor([[2.0, 4.0, -0.1]])).tolist()
    [[1.0, 1.0, -1.0]]
    """

    name = "bnn"

    def weight(self, w: Tensor) -> Tensor:
        """Return ``sign(w)``."""
        return binary_sign(w)

    def input(self, x: Tensor) -> Tensor:
        """Return ``sign(x)``."""
        return binary_sign(x)
