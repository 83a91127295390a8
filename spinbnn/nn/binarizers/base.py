"""What a binariser is: a rule for the gradient of the signs of weights and of inputs."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from ...errors import ParameterError


class Binarizer(nn.Module):
    r"""Two functions, one for weights and one for inputs: the sign forward, a surrogate gradient backward.

    Forward, every binariser gives -1 or +1 with sign(0) = +1: :meth:`input` the sign of its argument, :meth:`weight`
    the sign of the (possibly normalised) proxies. So a trained network computes the same whatever trained it, and
    the arrays need not know. The binarisers differ in the gradient. They have no parameters and no buffers; what
    :meth:`anneal` changes is a plain number that the training loop sets from its progress, and no file holds.

    Attributes
    ----------
    name : str
        The name under which :func:`make_binarizer` makes it.
    """

    name: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()

    @property
    def options(self) -> dict[str, Any]:
        """Return the options that make it again: ``make_binarizer(b.name, **b.options)``."""
        return {}

    def weight(self, w: Tensor) -> Tensor:
        """Return the binary weights of the proxies ``w`` ``(C_out, ...)``, in {-1, +1}."""
        raise NotImplementedError

    def input(self, x: Tensor) -> Tensor:
        """Return the signs of the inputs ``x``, in {-1, +1}."""
        raise NotImplementedError

    def anneal(self, progress: float) -> None:
        """Sharpen the surrogate gradient for a progress of training from 0 to 1; by default nothing changes."""
        check_progress(progress)

    def extra_repr(self) -> str:
        """Show the options in ``print(model)``."""
        return ", ".join(f"{key}={value!r}" for key, value in self.options.items())


def check_progress(progress: float) -> float:
    """Return the progress of training, checked to lie in [0, 1].

    Raises
    ------
    ParameterError
        If it does not.

    Examples
    --------
    >>> check_progress(0.5)
    0.5
    """
    if not 0.0 <= progress <= 1.0:
        raise ParameterError(
            "the progress of training lies in [0, 1]",
            where="Binarizer.anneal, argument 'progress'",
            value=progress,
            remedy="epoch / epochs",
        )
    return float(progress)


def check_option(good: bool, binarizer: str, key: str, value: object, remedy: str) -> None:
    """Refuse an option of a binariser that is out of range."""
    if not good:
        raise ParameterError(
            "option out of range",
            where=f"binarizer {binarizer!r}, argument {key!r}",
            value=value,
            remedy=remedy,
        )
