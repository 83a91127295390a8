"""What may be asked of a fit, checked, and the problem that follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...errors import ParameterError, suggest
from ..temperature import bloch_ratio
from .data import SwitchingData
from .field_law import FieldLaw
from .laws import LAWS, Law
from .likelihood import Problem, design_of

Model = Literal["exact", "seed", "printed", "two_rate", "two_rate_field", "logistic"]
MODELS = ("exact", "seed", "printed", "two_rate", "two_rate_field", "logistic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The law and what is declared, as :func:`spinbnn.device.fit_switching` describes them; :meth:`of` checks them."""

    model: Model
    tau0: float | None
    reference: float
    curie_temperature: float | None
    anisotropy_exponent: float
    lapse: tuple[bool, bool]

    @classmethod
    def of(
        cls, data: SwitchingData, *, model: Model, tau0: float | None, temperature_reference: float | None, curie_temperature: float | None,
        anisotropy_exponent: float, lapse: bool | str,
    ) -> Options:  # fmt: skip
        """Check the arguments against each other and against the data.

        Raises
        ------
        ParameterError
            If a name is unknown, a value out of range, or the law cannot take these data.
        """
        where = "fit_switching"
        if model not in MODELS:
            raise ParameterError("unknown model", where=f"{where}, model", value=model, remedy=suggest(str(model), MODELS))
        if tau0 is not None and not (np.isfinite(tau0) and tau0 > 0):
            raise ParameterError("tau0 and temperature must be > 0", where=f"{where}, tau0", value=tau0, remedy="give seconds and kelvin")
        if lapse not in (False, True, "lower", "upper"):
            raise ParameterError("unknown lapse", where=f"{where}, lapse", value=lapse, remedy="False, True, 'lower' or 'upper'")
        if model == "two_rate" and lapse in (True, "upper"):
            raise ParameterError("p_sat and an upper lapse are one and the same in the data", where=f"{where}, lapse", value=lapse, remedy="use lapse='lower' with 'two_rate', or another model")
        if model in ("printed", "two_rate_field") and tau0 is None:
            raise ParameterError(f"the model {model!r} needs a declared tau0", where=f"{where}, tau0", value=None, remedy="e.g. tau0=1e-9")
        if model == "logistic":
            tau0 = None
            if np.unique(data.pulse).size > 1 or np.unique(data.temperature).size > 1:
                raise ParameterError("the logistic curve knows neither pulse width nor temperature", where=f"{where}, model", value=model, remedy="fit each width and temperature on its own")
        temperatures = np.unique(data.temperature)
        if temperatures.size > 1 and temperature_reference is None:
            raise ParameterError(
                "the data have several temperatures: say which one the estimates shall hold for", where=f"{where}, temperature_reference", value=None, remedy="e.g. temperature_reference=300.0"
            )
        if temperatures.size > 1 and model == "two_rate_field":
            raise ParameterError("the model 'two_rate_field' takes one temperature", where=f"{where}, model", value=temperatures.tolist(), remedy="fit each temperature on its own")
        reference = float(temperatures[0]) if temperature_reference is None else float(temperature_reference)
        if not (np.isfinite(reference) and reference > 0):
            raise ParameterError("tau0 and temperature must be > 0", where=f"{where}, temperature_reference", value=temperature_reference, remedy="give seconds and kelvin")
        return cls(
            model=model, tau0=tau0, reference=reference, curie_temperature=curie_temperature, anisotropy_exponent=float(anisotropy_exponent),
            lapse=(lapse in (True, "lower"), lapse in (True, "upper")),
        )  # fmt: skip


def problem_of(data: SwitchingData, options: Options) -> Problem:
    """Return the likelihood problem of the data under the options."""
    stiffness = bloch_ratio(data.temperature, options.reference, options.curie_temperature) ** options.anisotropy_exponent
    law: Law = FieldLaw() if options.model == "two_rate_field" else LAWS["exact" if options.model == "two_rate" else options.model]
    return Problem(
        law=law, design=design_of(data, stiffness, options.reference), trials=data.trials, switched=data.switched, reference_pulse=data.reference_pulse,
        tau0=options.tau0, saturating=options.model == "two_rate", lapse=options.lapse,
    )  # fmt: skip
