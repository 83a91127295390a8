"""Scale dropout: one random bit per layer decides whether the layer's scale vector is kept or becomes one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.dropout import _DropoutNd

from ..errors import ParameterError

PLACEMENTS = ("dual_bn", "pre_bn")
ALPHA_INITS = ("ones", "normal", "uniform")
ALPHA_SPREAD = 0.3


def resolve_alpha_init(placement: str, alpha_init: str | None) -> str:
    """Return the initialisation of alpha; None picks ``"normal"`` for ``"pre_bn"`` and ``"ones"`` otherwise.

    Raises
    ------
    ParameterError
        On an unknown initialisation.

    Examples
    --------
    >>> resolve_alpha_init("dual_bn", None), resolve_alpha_init("pre_bn", None), resolve_alpha_init("pre_bn", "ones")
    ('ones', 'normal', 'ones')
    """
    if alpha_init is None:
        return "normal" if placement == "pre_bn" else "ones"
    if alpha_init not in ALPHA_INITS:
        raise ParameterError(
            "unknown initialisation of alpha",
            where="ScaleDropout, argument 'alpha_init'",
            value=alpha_init,
            remedy=" or ".join(ALPHA_INITS),
        )
    return alpha_init


class ScaleDropout(_DropoutNd):
    r"""Learnable scale with dropout, and the batch normalisation that goes with it.

    With the mask bit ``d`` (1 = drop, probability ``p``) and the integer accumulation ``z``:

    - ``pre_bn`` (as published, Eq. 7-8): ``y = BN(z * (alpha if d == 0 else 1))``, one BatchNorm;
    - ``dual_bn``: ``y = BN_d(z * (alpha if d == 0 else 1))``, one set of statistics and affine parameters for
      the kept branch and one for the dropped branch, picked by selection within ONE ``F.batch_norm`` call: all
      parameters are in the graph in either branch, so DistributedDataParallel needs no special flag.

    ``BN(z) = weight * (z - mean) / sqrt(var + eps) + bias``, per channel. While training, per-channel BatchNorm
    cancels a positive per-channel scale: alpha gets (next to) no gradient in either placement, and with ``pre_bn`` the two
    branches differ only in eval mode, through running statistics that mix both. There the diversity of ``pre_bn``
    is what the initialisation of alpha puts in: with ``"ones"`` every mask gives the same answer.

    Where the bit comes from: the mask context (:func:`~spinbnn.nn.masks.fixed_masks` or
    :func:`~spinbnn.nn.masks.sample_masks`), else in training mode the attribute ``generator``. Eval mode without
    a mask takes the kept branch (``d = 0``, the point network). Mask bits never use global random state.

    Parameters
    ----------
    channels : int
        Channels of the input.
    p : float
        DROP probability.
    placement : str
        ``"dual_bn"`` or ``"pre_bn"``.
    mode : str
        ``"unitary"``: a dropped scale vector becomes 1.
    spatial : bool
        True: input ``(B, C, H, W)``; False: input ``(B, C)``.
    eps, momentum : float
        Of the BatchNorm.
    alpha_init : str or None
        ``"ones"``; ``"normal"``: N(1, 0.3) as a standard deviation; ``"uniform"``: U(0, 1). None: ``"normal"`` for
        ``pre_bn``, ``"ones"`` for ``dual_bn``.
    generator : torch.Generator or None
        For the initial alpha; None: torch's default generator, as in torch.nn. ``"ones"`` draws nothing.

    Raises
    ------
    ParameterError
        On an unknown option, a wrong shape, or training without a source of masks.

    References
    ----------
    Ahmed et al., "Scale-Dropout", arXiv 2311.15816.

    Examples
    --------
    >>> layer = ScaleDropout(4, p=0.2).eval()
    >>> layer(torch.zeros(2, 4, 3, 3)).shape
    torch.Size([2, 4, 3, 3])
    """

    alpha: nn.Parameter
    running_mean: Tensor
    running_var: Tensor
    batches: Tensor

    def __init__(
        self,
        channels: int,
        p: float = 0.2,
        *,
        placement: str = "dual_bn",
        mode: str = "unitary",
        spatial: bool = True,
        eps: float = 1e-5,
        momentum: float = 0.1,
        alpha_init: str | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        if not 0.0 <= p <= 1.0:
            raise ParameterError(
                "a drop probability lies in [0, 1]",
                where="ScaleDropout, argument 'p'",
                value=p,
                remedy="e.g. p=0.2; p is the DROP probability",
            )
        if placement not in PLACEMENTS:
            raise ParameterError(
                "unknown placement",
                where="ScaleDropout, argument 'placement'",
                value=placement,
                remedy=" or ".join(PLACEMENTS),
            )
        if mode != "unitary":
            raise ParameterError(
                "unknown dropout mode", where="ScaleDropout, argument 'mode'", value=mode, remedy="unitary"
            )
        super().__init__(float(p))
        self.channels, self.placement, self.mode, self.spatial = channels, placement, mode, spatial
        self.eps, self.momentum = eps, momentum
        self.alpha_init = resolve_alpha_init(placement, alpha_init)
        sets = 2 if placement == "dual_bn" else 1
        self.alpha = nn.Parameter(torch.ones(channels))
        with torch.no_grad():
            if self.alpha_init == "normal":
                self.alpha.normal_(1.0, ALPHA_SPREAD, generator=generator)
            elif self.alpha_init == "uniform":
                self.alpha.uniform_(0.0, 1.0, generator=generator)
        self.weight = nn.Parameter(torch.ones(sets, channels))
        self.bias = nn.Parameter(torch.zeros(sets, channels))
        self.register_buffer("running_mean", torch.zeros(sets, channels))
        self.register_buffer("running_var", torch.ones(sets, channels))
        self.register_buffer("batches", torch.zeros(sets, dtype=torch.int64))
        self.generator: torch.Generator | None = None
        self.forced: int | Tensor | None = None
        self.sampler: torch.Generator | None = None

    def _bit(self, batch: int) -> int | Tensor:
        """Return the mask bit of this forward pass: one for the batch, or a tensor ``(batch,)``."""
        if isinstance(self.forced, Tensor):
            if self.forced.shape != (batch,):
                raise ParameterError(
                    "the masks per image do not fit the batch",
                    where="fixed_masks, argument 'bits'",
                    value=tuple(self.forced.shape),
                    remedy=f"one bit for each of the {batch} images",
                )
            return self.forced
        if self.forced is not None:
            return self.forced
        source = self.sampler if self.sampler is not None else (self.generator if self.training else None)
        if source is not None:
            return int(torch.rand((), generator=source, device=source.device).item() < self.p)
        if self.training:
            raise ParameterError(
                "scale dropout in training mode needs a source of mask bits",
                where="ScaleDropout.forward",
                remedy="run inside fixed_masks(model, bits) or sample_masks(model, generator), "
                "or set layer.generator to a torch.Generator",
            )
        return 0

    def forward(self, x: Tensor) -> Tensor:
        """Return the scaled and normalised activations, shape of ``x``."""
        if x.ndim != (4 if self.spatial else 2) or x.shape[1] != self.channels:
            want = f"(B, {self.channels}, H, W)" if self.spatial else f"(B, {self.channels})"
            raise ParameterError(
                "the input has the wrong shape",
                where="ScaleDropout.forward",
                value=tuple(x.shape),
                remedy=f"shape {want}",
            )
        bit = self._bit(x.shape[0])
        return self._train_forward(x, bit) if self.training else self._eval_forward(x, bit)

    def _spread(self, per_channel: Tensor) -> Tensor:
        """Shape ``(B or 1, C)`` for broadcasting over the input."""
        return per_channel[:, :, None, None] if self.spatial else per_channel

    def _train_forward(self, x: Tensor, bit: int | Tensor) -> Tensor:
        if isinstance(bit, Tensor):
            if self.placement == "dual_bn":
                raise ParameterError(
                    "dual_bn trains with one mask bit per mini-batch",
                    where="fixed_masks, argument 'bits'",
                    value=tuple(bit.shape),
                    remedy="bits of shape (L,), or placement='pre_bn'",
                )
            drop = bit.to(x.dtype)[:, None]
            row = 0
        else:
            drop = x.new_full((1, 1), float(bit))
            row = bit if self.placement == "dual_bn" else 0
        scale = self.alpha * (1.0 - drop) + drop  # alpha stays in the graph when dropped, with gradient 0
        self.batches[row] += 1
        return functional.batch_norm(
            x * self._spread(scale),
            self.running_mean[row],
            self.running_var[row],
            self.weight[row],
            self.bias[row],
            True,
            self.momentum,
            self.eps,
        )

    def coefficients(self) -> tuple[Tensor, Tensor]:
        """Return ``(scale, shift)``, each ``(2, C)``: eval mode computes ``y = z * scale[d] + shift[d]``."""
        inverse = self.weight * torch.rsqrt(self.running_var + self.eps)
        offset = self.bias - self.running_mean * inverse
        return (torch.stack((self.alpha * inverse[0], inverse[-1])), torch.stack((offset[0], offset[-1])))

    def _eval_forward(self, x: Tensor, bit: int | Tensor) -> Tensor:
        scale, shift = self.coefficients()
        rows = bit if isinstance(bit, Tensor) else slice(bit, bit + 1)
        # two separately rounded operations: the result cannot depend on batch size or on the memory layout
        return (x * self._spread(scale[rows])).add_(self._spread(shift[rows]))

    def extra_repr(self) -> str:
        """Show the options in ``print(model)``."""
        return (
            f"{self.channels}, p={self.p:g}, placement={self.placement!r}, spatial={self.spatial}, "
            f"alpha_init={self.alpha_init!r}"
        )
