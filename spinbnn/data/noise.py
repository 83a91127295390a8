"""Images of nothing but noise: the paper's out-of-distribution sets D1 and D2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..errors import ParameterError
from ..rng import stream

Shape = tuple[int, int, int]


def check_request(where: str, count: int, shape: Sequence[int]) -> None:
    """Refuse a number of images or a shape that cannot be."""
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise ParameterError(
            "at least one image is needed", where=f"{where}, argument 'count'", value=count, remedy="e.g. 500"
        )
    if len(shape) != 3 or any(
        isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 for n in shape
    ):
        raise ParameterError(
            "the shape of an image has three positive numbers",
            where=f"{where}, argument 'shape'",
            value=tuple(shape),
            remedy="(channels, height, width), e.g. (1, 28, 28)",
        )


def uniform_noise(count: int, *, seed: int = 0, shape: Shape = (1, 28, 28)) -> Tensor:
    """Return images of independent pixels from U(0, 1), shape ``(count, *shape)``, float32.

    The first images do not depend on ``count``. Set D2 of Scale-Dropout (arXiv:2311.15816, VI-A2).

    Raises
    ------
    ParameterError
        If ``count`` or ``shape`` is not positive.

    Examples
    --------
    >>> torch.equal(uniform_noise(3, seed=1)[:2], uniform_noise(2, seed=1))
    True
    """
    check_request("uniform_noise", count, shape)
    values = stream(seed, "uniform noise").random((count, *shape), dtype="float32")
    return torch.from_numpy(values)


def gaussian_noise(
    count: int,
    *,
    seed: int = 0,
    shape: Shape = (1, 28, 28),
    mean: float | Sequence[float] = 0.0,
    std: float | Sequence[float] = 1.0,
) -> Tensor:
    r"""Return images of independent pixels :math:`\min(1, \max(0, \mu_c + \sigma_c g))` with g from N(0, 1), float32.

    The paper's set D1 (arXiv:2311.15816, VI-A2) has pixels from N(0, 1) and does not say before or after which
    normalisation of the inputs. Images here lie in [0, 1], so the draw is clipped. With the defaults half of all values
    are 0, 16 % are 1, the rest lies between. With the channels' ``mean`` and ``std`` of the training images
    (:attr:`ImageData.statistics`) it is what N(0, 1) in the normalised space of such a network is, as far as pixels can
    show it. The first images do not depend on ``count``.

    Parameters
    ----------
    count : int
        Number of images.
    seed : int
        Of the stream.
    shape : (int, int, int)
        Channels, height, width of an image [pixels].
    mean, std : float or sequence of float
        Of all channels, or one number a channel.

    Raises
    ------
    ParameterError
        If ``count`` or ``shape`` is not positive, or ``mean`` or ``std`` fits no channel or is negative or not finite.

    Examples
    --------
    >>> noise = gaussian_noise(100)
    >>> [round(float((noise == v).float().mean()), 2) for v in (0, 1)]
    [0.5, 0.16]
    """
    check_request("gaussian_noise", count, shape)
    given = {"mean": np.asarray(mean, dtype=np.float64), "std": np.asarray(std, dtype=np.float64)}
    for name, value in given.items():
        fits = value.ndim == 0 or value.shape == (shape[0],)
        if not fits or not np.isfinite(value).all() or (name == "std" and (value < 0).any()):
            raise ParameterError(
                "not a mean or standard deviation of the channels",
                where=f"gaussian_noise, argument {name!r}",
                value=value.tolist(),
                remedy=f"one number, or {shape[0]} numbers; a standard deviation is at least 0",
            )
    drawn = stream(seed, "gaussian noise").standard_normal((count, *shape), dtype="float32")
    for channel in range(shape[0]):
        low, scale = (np.broadcast_to(v, shape[:1])[channel] for v in (given["mean"], given["std"]))
        drawn[:, channel] = np.clip(low + scale * drawn[:, channel], 0.0, 1.0)
    return torch.from_numpy(drawn)
