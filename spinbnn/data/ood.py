"""Out-of-distribution images by name: noise, test images under noise, and other data sets."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..errors import ParameterError, suggest
from .corruptions import add_gaussian_noise, add_noise
from .datasets import DATASETS, load
from .image_data import ChannelStatistics, as_float
from .noise import Shape, check_request, gaussian_noise, uniform_noise

NOISY = {"noisy_gaussian": add_gaussian_noise, "noisy_uniform": add_noise}
OOD = ("gaussian", "uniform", *NOISY, *DATASETS)
"""Names that :func:`ood` knows (and ``folder:PATH``)."""


def ood(
    name: str,
    count: int,
    shape: Shape,
    seed: int = 0,
    *,
    images: Tensor | None = None,
    strength: float = 1.0,
    statistics: ChannelStatistics | None = None,
    root: str | Path | None = None,
) -> Tensor:
    """Return ``count`` images from outside the distribution that a network was trained on.

    Scale-Dropout (arXiv:2311.15816, VI-A2) tests six sets of 8,000 images in the shape of the training images: D1
    Gaussian noise, D2 uniform noise, D3 and D4 CIFAR-10 under Gaussian and uniform noise, D5 SVHN, D6 STL10. The first
    four are here; the paper does not state the strength of D3 and D4.

    Parameters
    ----------
    name : str
        ``"gaussian"`` (D1, :func:`~spinbnn.data.noise.gaussian_noise`), ``"uniform"`` (D2), ``"noisy_gaussian"`` (D3) and
        ``"noisy_uniform"`` (D4): the first of ``images`` under noise; or the name of a data set: its first test images.
    count : int
        Number of images.
    shape : (int, int, int)
        Channels, height and width that the network takes [pixels].
    seed : int
        Of the noise; the first images do not depend on ``count``.
    images : Tensor or None
        In-distribution images for D3 and D4.
    strength : float
        Of D3 (standard deviation) and D4 (largest addition); 1: the distributions of D1 and D2 are added.
    statistics : ChannelStatistics or None
        For ``"gaussian"``: draw N(0, 1) in the space normalised by these; None: in the space of the pixels.
    root : str or Path or None
        Data root of data sets.

    Returns
    -------
    Tensor
        float32 in [0, 1], shape ``(count, *shape)``.

    Raises
    ------
    ParameterError
        If the name is unknown, images are missing or too few, or of another shape.
    DataError
        If a data set is not there.

    Examples
    --------
    >>> ood("uniform", 3, (3, 32, 32)).shape
    torch.Size([3, 3, 32, 32])
    """
    where = "ood, argument {!r}"
    check_request("ood", count, shape)
    if name == "uniform":
        return uniform_noise(count, seed=seed, shape=shape)
    if name == "gaussian":
        mean, std = (
            ((0.0,) * shape[0], (1.0,) * shape[0])
            if statistics is None
            else (statistics.mean, statistics.std)
        )
        return gaussian_noise(count, seed=seed, shape=shape, mean=mean, std=std)
    if name in NOISY:
        if images is None:
            raise ParameterError(
                "these are in-distribution images under noise, and none are given",
                where=where.format("images"),
                value=None,
                remedy=f"ood({name!r}, ..., images=data.images('test'))",
            )
        found = as_float(images)
    elif name in DATASETS or name.startswith("folder:"):
        found = load(name, root=root).images("test")
    else:
        raise ParameterError(
            "unknown out-of-distribution set",
            where=where.format("name"),
            value=name,
            remedy=f"{suggest(str(name), OOD)}, or folder:PATH",
        )
    if tuple(found.shape[1:]) != tuple(shape):
        raise ParameterError(
            "the images are not of the shape asked for",
            where=f"ood, {name}",
            value=tuple(found.shape[1:]),
            remedy=f"another set; {tuple(shape)} was asked for",
        )
    if count > len(found):
        raise ParameterError(
            "there are not so many images",
            where=where.format("count"),
            value=count,
            remedy=f"1 to {len(found)}",
        )
    found = found[:count]
    return NOISY[name](found, strength, seed=seed) if name in NOISY else found
