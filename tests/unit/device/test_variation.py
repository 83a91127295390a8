"""Process variation: shifts of dies, shapes of a spread, wafers, correlations, what is refused, and Eq. 22."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from spinbnn import resources
from spinbnn.device import DeviceParams, VariationModel
from spinbnn.device.parameters import Correlation
from spinbnn.device.variation import GaussianProbability, with_spreads
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
    built = model()
    draws = [built.sample(1, seed=4, local=False, die=k) for k in range(dies)]
    nominal = built.params
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


# what follows was added with physical spreads; the draws of files without them must not change


def changed(base: str = "seed_eq23", *, correlations: tuple[Correlation, ...] = (), **spreads: dict[str, object]) -> DeviceParams:
    """Return a device whose only spreads are those given, as keywords of Quantity by field (``__`` for the dot)."""
    params = with_spreads(DeviceParams.load(base), {}, keep=False)
    quantities = dict(params.quantities)
    for name, entry in spreads.items():
        key = name.replace("__", ".")
        quantities[key] = replace(quantities[key], **entry)  # type: ignore[arg-type]
    return replace(params, quantities=quantities, correlations=correlations)


GOLDEN = {  # drawn before this module knew of physical fields: seed 11, die 2, global spreads of 3 %, draws 0 and 4
    "sobol": {
        "electrical.parallel_resistance": ("0x1.36bec9eace854p+18", "0x1.2f8afb701681bp+18"),
        "electrical.tmr": ("0x1.271736a221715p+0", "0x1.1e91cedeef287p+0"),
        "electrical.track_resistance": ("0x1.8a302c0c9dc0ap+9", "0x1.a79b0571be259p+9"),
        "spin_hall.critical_current": ("0x1.ed9bd068804eep-12", "0x1.09d5986c85d53p-11"),
        "thermal.delta": ("0x1.478b5dda82d3ep+5", "0x1.497a881621094p+5"),
    },
    "random": {
        "electrical.parallel_resistance": ("0x1.2de7573b1403bp+18", "0x1.1f88f8fbb8e24p+18"),
        "electrical.tmr": ("0x1.23d36855ae3fdp+0", "0x1.201ce1d7b1ffap+0"),
        "electrical.track_resistance": ("0x1.8a10b5aa1b008p+9", "0x1.a3d82476f1143p+9"),
        "spin_hall.critical_current": ("0x1.f0251eefcdf7ap-12", "0x1.09ada0eb9a00bp-11"),
        "thermal.delta": ("0x1.23aa11cb706c2p+5", "0x1.466f3b7cc6491p+5"),
    },
}


@pytest.mark.parametrize("method", sorted(GOLDEN))
def test_draws_of_derived_spreads_are_what_they_were(method: str) -> None:
    values = {"parallel_resistance": (331e3, 0.07), "tmr": (1.2, 0.04), "track_resistance": (800.0, 0.07)}
    entries: dict[str, dict[str, object]] = {f"electrical__{k}": {"value": v, "sigma": s, "sigma_global": 0.03} for k, (v, s) in values.items()}
    entries["spin_hall__critical_current"] = {"value": 500e-6, "sigma": 0.04, "sigma_global": 0.03}
    entries["thermal__delta"] = {"value": 40.0, "sigma": 0.077, "sigma_global": 0.03}
    pair = Correlation(first=OTHER, second=KEY, value=0.5, source="test")
    draws = VariationModel.from_params(changed(correlations=(pair,), **entries)).sample(5, 11, method, die=2)  # type: ignore[arg-type]
    for key, (first, last) in GOLDEN[method].items():
        assert draws[key][0] == pytest.approx(float.fromhex(first), rel=1e-12, abs=0)
        assert draws[key][4] == pytest.approx(float.fromhex(last), rel=1e-12, abs=0)


def test_a_truncated_spread_has_its_standard_deviation_and_ends() -> None:
    cv = 0.1
    params = changed(electrical__track_resistance={"sigma": cv, "distribution": "truncated"})
    ratio = VariationModel.from_params(params).sample(2**14, seed=5)["electrical.track_resistance"] / params.value("electrical.track_resistance")
    assert ratio.mean() == pytest.approx(1.0, abs=1e-4), "symmetric: the nominal value is the mean"
    assert ratio.std() == pytest.approx(cv, rel=2e-3), "the file's sigma is what is drawn, not that before the cut"
    end = 3.0 * cv / 0.98658
    assert np.abs(ratio - 1).max() <= end * (1 + 1e-9) and np.abs(ratio - 1).max() > 0.98 * end
    with pytest.raises(ParameterError, match="reach zero"):
        VariationModel.from_params(changed(electrical__track_resistance={"sigma": 0.33, "distribution": "truncated"}))


def test_a_latin_hypercube_fills_every_stratum_once() -> None:
    params = changed(electrical__tmr={"sigma": 0.05}, electrical__track_resistance={"sigma": 0.2})
    n = 64
    draws = VariationModel.from_params(params).sample(n, 3, "lhs")
    for key, cv in (("electrical.tmr", 0.05), ("electrical.track_resistance", 0.2)):
        u = norm.cdf(np.log(draws[key] / params.value(key)) / math.sqrt(math.log1p(cv**2)))
        assert sorted(np.floor(u * n).astype(int)) == list(range(n))
    again = VariationModel.from_params(params).sample(n, 3, "lhs")
    assert all(np.array_equal(draws[k], again[k]) for k in draws)


def test_global_correlations_are_their_own() -> None:
    entries = {"electrical__tmr": {"sigma": 0.05, "sigma_global": 0.05}, "electrical__track_resistance": {"sigma": 0.05, "sigma_global": 0.05}}
    one, other = "electrical.tmr", "electrical.track_resistance"

    def logs(value: float, scope: str) -> tuple[float, float]:
        link = Correlation(first=one, second=other, value=value, source="test", scope=scope)
        model = VariationModel.from_params(changed(correlations=(link,), **entries))
        local = model.sample(1024, 1)
        dies = [model.sample(1, 1, local=False, die=k) for k in range(800)]
        return (
            float(np.corrcoef(np.log(local[one]), np.log(local[other]))[0, 1]),
            float(np.corrcoef([math.log(d[one][0]) for d in dies], [math.log(d[other][0]) for d in dies])[0, 1]),
        )  # fmt: skip

    error = 4 / math.sqrt(800)
    for scope, wanted in (("local", (0.8, 0.0)), ("global", (0.0, 0.8)), ("both", (0.8, 0.8))):
        assert logs(0.8, scope) == pytest.approx(wanted, abs=error), scope


def test_a_wafer_has_its_dies_shifts_and_devices_of_its_own() -> None:
    model = VariationModel.from_params(changed(electrical__tmr={"sigma": 0.04, "sigma_global": 0.02}))
    wafer = model.sample_wafer(6, 32, seed=9)["electrical.tmr"]
    assert wafer.shape == (6, 32)
    assert np.array_equal(wafer[:3], model.sample_wafer(3, 32, seed=9)["electrical.tmr"]), "dies do not depend on their number"
    free = model.sample_wafer(6, 32, 9, "random")["electrical.tmr"]
    assert np.array_equal(free, wafer), "the devices of a die are independent unless told otherwise"
    assert np.array_equal(free[:, :8], model.sample_wafer(6, 8, 9, "random")["electrical.tmr"]), "nor independent devices on theirs"
    shift = [model.sample(1, 9, local=False, die=k)["electrical.tmr"][0] / model.params.value("electrical.tmr") for k in range(6)]
    even = model.sample_wafer(6, 32, 9, "sobol")["electrical.tmr"]
    assert np.median(even, axis=1) / model.params.value("electrical.tmr") == pytest.approx(shift, rel=5e-3)
    for method in ("sobol", "lhs", "random"):
        logs = np.log(model.sample_wafer(12, 256, 9, method)["electrical.tmr"])  # type: ignore[arg-type]
        assert np.abs(np.corrcoef(logs)[np.triu_indices(12, 1)]).max() < 4.5 / 16, f"the devices of two dies are related: {method}"
        assert np.std(logs, axis=1, ddof=1) == pytest.approx([0.04] * 12, rel=0.2)


def test_averages_of_dies_scatter_as_those_of_independent_devices() -> None:
    model = VariationModel.from_params(changed(electrical__tmr={"sigma": 0.08}))
    means = np.log(model.sample_wafer(300, 16, seed=4)["electrical.tmr"]).mean(axis=1)
    assert float(means.std()) == pytest.approx(0.08 / 4, rel=4 / math.sqrt(600))


def test_spreads_that_contradict_are_refused_with_both_names() -> None:
    twice = changed(thermal__delta={"sigma": 0.05}, geometry__pillar_diameter={"sigma": 0.03})
    with pytest.raises(ParameterError, match="vary twice") as caught:
        VariationModel.from_params(twice)
    assert "thermal.delta" in str(caught.value) and "pillar_diameter" in str(caught.value)
    own = VariationModel.from_params(twice, spreads="derived")
    physical = VariationModel.from_params(twice, spreads="physical")
    assert (own.keys, own.following) == (("thermal.delta",), ())
    assert physical.keys == ("geometry.pillar_diameter",) and "thermal.delta" in physical.following
    apart = changed(thermal__delta={"sigma_global": 0.05}, geometry__pillar_diameter={"sigma": 0.03})
    assert VariationModel.from_params(apart).global_keys == ("thermal.delta",), "one within the die, one between dies: both count"
    with pytest.raises(ParameterError, match="spreads"):
        VariationModel.from_params(twice, spreads="both")  # type: ignore[arg-type]


def test_a_chain_of_followers_keeps_the_last_spread() -> None:
    """R_P follows RA, and RA the barrier: with all three spread, 'derived' keeps R_P alone."""
    chain = changed(
        electrical__parallel_resistance={"sigma": 0.07}, electrical__resistance_area_product={"sigma": 0.03}, geometry__barrier_thickness={"sigma": 0.003}
    )
    assert VariationModel.from_params(chain, spreads="derived").keys == ("electrical.parallel_resistance",)
    assert VariationModel.from_params(chain, spreads="physical").keys == ("geometry.barrier_thickness",)


def test_bad_input_is_refused() -> None:
    model = VariationModel.from_params(changed(electrical__tmr={"sigma": 0.04}))
    for call, words in (
        (lambda: model.sample(0), "device"), (lambda: model.sample(2.5), "device"), (lambda: model.sample(2, method="halton"), "method"),
        (lambda: model.sample(2, local=False, method="halton"), "method"), (lambda: model.sample_wafer(0, 4), "die"),
        (lambda: VariationModel.from_params(model.params, nucleation_diameter=0.0), "nucleation"),
        (lambda: VariationModel.from_params(changed(switching__saturation={"sigma_global": 0.1})), "bounded"),
        (lambda: VariationModel.from_params(changed(electrical__tmr={"value": 19.0, "sigma": 0.2})).sample(64), "outside"),
        (lambda: with_spreads(model.params, {"thermal.dleta": 0.1}), "unknown"), (lambda: with_spreads(model.params, {"thermal.delta": 1.0}), "spread"),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match=words):
            call()


def test_contradicting_correlations_are_refused() -> None:
    keys = ("electrical.tmr", "electrical.track_resistance", "thermal.delta")
    links = tuple(Correlation(first=keys[i], second=keys[j], value=v, source="t") for i, j, v in ((0, 1, 0.9), (1, 2, 0.9), (0, 2, -0.9)))
    with pytest.raises(ParameterError, match="contradict"):
        VariationModel.from_params(changed(correlations=links, **{k.replace(".", "__"): {"sigma": 0.1} for k in keys}))


def test_every_shipped_device_can_be_drawn() -> None:
    for name in resources.available("device"):
        try:
            params = DeviceParams.load(name)
        except ParameterError:  # a technology lies in the same folder
            continue
        draws = VariationModel.from_params(params).sample(32, seed=1)
        assert all(np.all(np.isfinite(v)) for v in draws.values()), name


def test_correlations_of_a_file_name_their_scope() -> None:
    data = DeviceParams.load("seed_eq23").to_dict()
    pair = {"first": OTHER, "second": KEY, "value": 0.5, "source": "test"}
    data["thermal"]["delta"]["sigma_global"] = data["spin_hall"]["critical_current"]["sigma_global"] = 0.02
    data["correlations"] = [pair, pair | {"scope": "global", "value": -0.2}]
    params = DeviceParams.from_dict(data)
    assert [c.scope for c in params.correlations] == ["local", "global"]
    assert DeviceParams.from_dict(params.to_dict()).correlations == params.correlations
    local_only = DeviceParams.from_dict(data | {"correlations": [pair, pair | {"scope": "global", "value": 0.3}]})
    assert params.content_hash != local_only.content_hash
    for bad, words in (([pair, pair | {"scope": "both"}], "already"), ([pair | {"scope": "wafer"}], "scope")):
        with pytest.raises(ParameterError, match=words):
            DeviceParams.from_dict(data | {"correlations": bad})
    del data["thermal"]["delta"]["sigma_global"]
    with pytest.raises(ParameterError, match="without spread"):
        DeviceParams.from_dict(data | {"correlations": [pair | {"scope": "global"}]})


def test_gaussian_probabilities_repeat_equation_22() -> None:
    assert [GaussianProbability.level(0.5, k).sigma for k in (1, 2, 3)] == pytest.approx([1 / 30, 2 / 30, 0.1], rel=1e-12)
    law = GaussianProbability(p=[0.02, 0.5], sigma=0.1, mean=0.01)
    p = law.sample(4000, seed=2)
    assert p.shape == (4000, 2) and p.min() == 0.0 and np.array_equal(p[:7], law.sample(7, seed=2))
    assert p[:, 1].mean() == pytest.approx(0.51, abs=4 * 0.1 / math.sqrt(4000)) and p[:, 1].std() == pytest.approx(0.1, rel=0.05)
    assert law.of(1.0) == pytest.approx([0.13, 0.61], rel=1e-12), "p + mu + sigma z"
    smooth = GaussianProbability(p=[0.02, 0.5], sigma=0.1, kind="logit")
    q = smooth.sample(20000, seed=2)
    assert q.min() > 0 and q.max() < 1
    assert q.std(axis=0) == pytest.approx([0.1, 0.1], rel=0.06), "sigma is the spread of p, not of the logit"
    assert smooth.of(0.0) == pytest.approx([0.02, 0.5], rel=1e-12), "p is the median"
    assert GaussianProbability(p=0.3, sigma=0.0, kind="logit").of([-3.0, 3.0]) == pytest.approx([0.3, 0.3], rel=1e-12)


@pytest.mark.parametrize(
    "arguments", [{"p": 1.2, "sigma": 0.1}, {"p": 0.5, "sigma": -0.1}, {"p": 0.5, "sigma": 0.1, "kind": "beta"}, {"p": 0.0, "sigma": 0.1, "kind": "logit"}, {"p": 0.5, "sigma": 0.5, "kind": "logit"}, {"p": 0.5, "sigma": math.inf}]
)
def test_gaussian_probabilities_refuse_nonsense(arguments: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        GaussianProbability(**arguments)  # type: ignore[arg-type]
