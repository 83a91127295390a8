"""Images and labels in three parts: what every loader returns."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, ParameterError
from ..rng import stream

PARTS = ("train", "validation", "test")


def as_float(images: Tensor) -> Tensor:
    """Return images as float32 in [0, 1]: bytes are divided by 255, float32 images are returned as they are.

    Parameters
    ----------
    images : Tensor
        uint8 or float32, any shape.

    Raises
    ------
    DataError
        If the images have another type.

    Examples
    --------
    >>> as_float(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist()
    [0.0, 0.20000000298023224, 1.0]
    """
    if images.dtype == torch.uint8:
        return images.to(torch.float32).div_(255.0)
    if images.dtype != torch.float32:
        raise DataError(
            "images are bytes or float32 in [0, 1]",
            where="as_float, argument 'images'",
            value=str(images.dtype),
            remedy="images.to(torch.float32), or images.to(torch.uint8) if they are 0..255",
        )
    return images


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStatistics:
    """Mean and standard deviation of each channel over all pixels of the training images (population form).

    Attributes
    ----------
    mean, std : tuple of float
        One number a channel, in units of the image (0 to 1).
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageData:
    """Images and labels, split into training, validation and test part; the first two may be empty.

    Attributes
    ----------
    name, source : str
        Registry name; where the data came from, and what must be said beside a result.
    train_images : Tensor
        Shape ``(N, C, H, W)``: float32 in [0, 1], or uint8 where float32 would need too much memory (CIFAR-10, image
        folders). :meth:`images` returns float32 either way.
    validation_images, test_images : Tensor
        float32 in [0, 1], shape ``(N, C, H, W)``.
    train_labels, validation_labels, test_labels : Tensor
        int64 in ``0 .. classes - 1``, shape ``(N,)``.
    sha256 : str
        Of the files (or arrays) that the data came from.
    classes : int
        Number of classes.
    class_names : tuple of str
        Their names, in the order of the labels; empty where the source has none.

    Raises
    ------
    DataError
        If parts differ in shape, types are wrong, values lie outside [0, 1] or labels outside the classes.
    """

    name: str
    source: str
    train_images: Tensor
    train_labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    sha256: str
    classes: int = 10
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in PARTS:
            self._check(part, getattr(self, f"{part}_images"), getattr(self, f"{part}_labels"))
        if self.class_names and len(self.class_names) != self.classes:
            self._refuse(
                "test", "one name for each class is needed", len(self.class_names), f"{self.classes} names"
            )

    def _refuse(self, part: str, what: str, value: Any, remedy: str) -> None:
        raise DataError(what, where=f"data set {self.name!r}, {part} part", value=value, remedy=remedy)

    def _check(self, part: str, images: Tensor, labels: Tensor) -> None:
        """Refuse images or labels that are not what the class says."""
        if len(images) != len(labels):
            self._refuse(
                part,
                "images and labels differ in number",
                (len(images), len(labels)),
                "one label for each image",
            )
        if images.ndim != 4 or images.shape[1:] != self.test_images.shape[1:]:
            self._refuse(
                part,
                "the images have not the shape of the test images",
                tuple(images.shape),
                "shape (N, C, H, W), the same C, H and W in all parts",
            )
        if images.dtype != torch.float32 and not (part == "train" and images.dtype == torch.uint8):
            self._refuse(
                part,
                "images are float32 in [0, 1]",
                str(images.dtype),
                "as_float(images); training images may be uint8",
            )
        if images.dtype == torch.float32 and images.numel():
            low, high = (float(v) for v in images.aminmax())
            if not (low >= 0.0 and high <= 1.0):
                self._refuse(
                    part, "a pixel lies outside [0, 1], or is no number", (low, high), "scale the images"
                )
        if labels.dtype != torch.int64 or labels.ndim != 1:
            self._refuse(
                part, "labels are int64, one for each image", str(labels.dtype), "labels.to(torch.int64)"
            )
        if len(labels) and not (int(labels.min()) >= 0 and int(labels.max()) < self.classes):
            span = (int(labels.min()), int(labels.max()))
            self._refuse(part, "a label names no class", span, f"labels in 0..{self.classes - 1}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image [pixels]."""
        channels, height, width = self.test_images.shape[1:]
        return channels, height, width

    def images(self, part: str, index: Tensor | slice | None = None) -> Tensor:
        """Return the images of a part, or those of them that ``index`` picks, as float32 in [0, 1].

        Bytes are converted after picking: a mini-batch of CIFAR-10 costs the memory of a mini-batch.

        Parameters
        ----------
        part : str
            ``"train"``, ``"validation"`` or ``"test"``.
        index : Tensor or slice or None
            Which images; None: all of the part.

        Raises
        ------
        ParameterError
            If there is no such part.
        DataError
            If training images are asked for and the data set has none.

        Examples
        --------
        >>> from spinbnn.data import load
        >>> load("digits").images("test", slice(0, 3)).shape
        torch.Size([3, 1, 28, 28])
        """
        if part not in PARTS:
            raise ParameterError(
                "no such part",
                where="images, argument 'part'",
                value=part,
                remedy="train, validation or test",
            )
        if part == "train":
            self.require_training()
        kept: Tensor = getattr(self, f"{part}_images")
        return as_float(kept if index is None else kept[index])

    def require_training(self) -> None:
        """Refuse with a :class:`DataError` where the data set has no training images (test images alone are at hand)."""
        if not len(self.train_labels):
            raise DataError(
                "the data set has no training images here",
                where=f"data set {self.name!r}",
                value=self.source,
                remedy=f"fetch the whole set (spinbnn data fetch {self.name}), or use it as out-of-distribution images",
            )

    @property
    def statistics(self) -> ChannelStatistics:
        """Mean and standard deviation of each channel of the training images, exact for bytes.

        Raises
        ------
        DataError
            If there are no training images.

        Examples
        --------
        >>> from spinbnn.data import load
        >>> [round(v[0], 3) for v in (load("digits").statistics.mean, load("digits").statistics.std)]
        [0.306, 0.325]
        """
        self.require_training()
        means, spreads = [], []
        for channel in range(self.train_images.shape[1]):
            values = self.train_images[:, channel]
            if values.dtype == torch.uint8:
                count = torch.bincount(values.flatten(), minlength=256).to(torch.float64)
                level = torch.arange(256, dtype=torch.float64) / 255.0
                mean = (count @ level) / count.sum()
                spread = (count @ (level - mean) ** 2 / count.sum()).sqrt()
            else:
                mean = values.mean(dtype=torch.float64)
                spread = torch.stack([((v.double() - mean) ** 2).sum() for v in values.split(1000)]).sum()
                spread = (spread / values.numel()).sqrt()
            means.append(float(mean))
            spreads.append(float(spread))
        return ChannelStatistics(mean=tuple(means), std=tuple(spreads))

    def with_validation(self, count: int, *, seed: int = 0) -> ImageData:
        """Move ``count`` training images, chosen by ``seed``, into the validation part.

        The choice depends on the seed and the number of training images alone.

        Raises
        ------
        ParameterError
            If there is a validation part already, or too few training images.
        DataError
            If there are no training images.
        """
        self.require_training()
        if len(self.validation_labels):
            raise ParameterError(
                "the data have a validation part already",
                where=f"data set {self.name!r}",
                value=len(self.validation_labels),
                remedy="split the data as they were loaded",
            )
        total = len(self.train_labels)
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < total:
            raise ParameterError(
                "the validation part does not fit",
                where="with_validation, argument 'count'",
                value=count,
                remedy=f"0 <= count < {total}",
            )
        order = torch.from_numpy(stream(seed, "validation", total).permutation(total))
        held, kept = order[:count].sort().values, order[count:].sort().values
        return dataclasses.replace(
            self,
            train_images=self.train_images[kept],
            train_labels=self.train_labels[kept],
            validation_images=as_float(self.train_images[held]),
            validation_labels=self.train_labels[held],
        )

    def subset(self, *, train: int | None = None, test: int | None = None) -> ImageData:
        """Return the first ``train`` training and the first ``test`` test images; None: all, as is a number beyond their number.

        Raises
        ------
        ParameterError
            If a number is negative or not whole.
        """
        for key, count in {"train": train, "test": test}.items():
            if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
                raise ParameterError(
                    "not a number of images",
                    where=f"subset, argument {key!r}",
                    value=count,
                    remedy="e.g. 500",
                )
        return dataclasses.replace(
            self,
            train_images=self.train_images[:train],
            train_labels=self.train_labels[:train],
            test_images=self.test_images[:test],
            test_labels=self.test_labels[:test],
        )


def without_validation(
    name: str,
    source: str,
    train: tuple[Tensor, Tensor] | None,
    test: tuple[Tensor, Tensor],
    sha256: str,
    class_names: tuple[str, ...] = (),
) -> ImageData:
    """Return an :class:`ImageData` with an empty validation part; ``train`` None: with an empty training part too."""
    none = (test[0][:0], test[1][:0])
    train = none if train is None else train
    return ImageData(
        name=name,
        source=source,
        train_images=train[0],
        train_labels=train[1],
        validation_images=none[0],
        validation_labels=none[1],
        test_images=test[0],
        test_labels=test[1],
        sha256=sha256,
        classes=len(class_names) or 10,
        class_names=class_names,
    )


__all__ = ["PARTS", "ChannelStatistics", "ImageData", "as_float", "without_validation"]
