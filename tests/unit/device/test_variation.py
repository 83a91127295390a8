"""Process variation between dies: the size of the shift, and that all devices of a die share it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from spinbnn.device import DeviceParams, VariationModel
from spinbnn.errors import ParameterError

KEY, OTHER = "spin_hall.critical_current", "thermal.delta"


def model(cv: float = 0.1, name: str = "seed_eq23") -> VariationModel:
    params = DeviceParams.load("seed_eq23")
    quantities = {k: replace(q, sigma_global=cv) if k in (KEY, OTHER) else q for k, q in params.quantities.items()}
    return VariationModel.from_params(replace(params, name=name, quantities=quantities))


def test_devices_of_a_die_share_its_shift() -> None:
    local = model().sample(64, seed=2)
    for die in (0, 7):
        ratio = model().sample(64, seed=2, die=die)[KEY] / local[KEY]
        assert np.ptp(ratio) < 1e-12 and abs(ratio[0] - 1) > 1e-3
    assert np.array_equal(model().sample(64, seed=2, die=0)["electrical.tmr"], local["electrical.tmr"]), "no global spread, no shift"


def test_shifts_of_dies_have_the_spread_of_the_file() -> None:
    """Median 1 and sigma_g = sqrt(ln(1 + c^2)) of the logarithm, independent between parameters; four standard errors."""
    dies, sigma = 1500, math.sqrt(math.log1p(0.1**2))
    draws = [model().sample(1, seed=4, local=False, die=k) for k in range(dies)]
    nominal = model().params
    logs = np.array([[math.log(d[key][0] / nominal.value(key)) for key in (KEY, OTHER)] for d in draws])
    assert np.abs(logs.mean(axis=0)).max() < 4 * sigma / math.sqrt(dies)
    assert np.abs(logs.std(axis=0, ddof=1) / sigma - 1).max() < 4 / math.sqrt(2 * dies)
    assert abs(np.corrcoef(logs.T)[0, 1]) < 4 / math.sqrt(dies)


def test_the_name_of_a_device_is_no_seed() -> None:
    for method in ("sobol", "random"):
        one, other = (model(name=name).sample(8, 3, method, die=2) for name in ("a", "b"))  # type: ignore[arg-type]
        assert all(np.array_equal(one[k], other[k]) for k in one)


def test_seed_and_die_choose_the_shift() -> None:
    shifts = {model().sample(1, seed=s, local=False, die=d)[KEY][0] for s in (0, 1) for d in (0, 1)}
    assert len(shifts) == 4


@pytest.mark.parametrize("die", [False, True, -1, 1.5, "two"])
def test_a_die_is_a_whole_number(die: object) -> None:
    with pytest.raises(ParameterError, match="die"):
        model().sample(1, die=die)  # type: ignore[arg-type]
