"""The electrical side of a profile: what it refuses, its file, its identity."""

from __future__ import annotations

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest

from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.crossbar.tiling import MatrixTiling
from spinbnn.errors import DataError, ParameterError, ProfileError
from spinbnn.hardware import HardwareProfile
from spinbnn.hardware.arrays import CrossbarSetup, measure_agreement, row_tiles
from spinbnn.hardware.arrays.gated import gated_half_sums

PARAMS = ArrayParams.load("array_mohm")
SETUP = CrossbarSetup(params=PARAMS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": "drivn"},
        {"readout": "double"},
        {"references": "none"},
        {"calibration": "rows"},
        {"adc_bits": 0},
        {"adc_kind": "sigma"},
        {"adc_clip": 1.0},
        {"adc_errors": {"nois": 1.0}},
        {"adc_errors": {"noise": -1.0}},
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ParameterError):
        CrossbarSetup(params=PARAMS, **wrong)


def test_a_junction_without_ratio_counts_nothing():
    flat = CrossbarSetup(params=PARAMS.with_values(junction__tmr=0.0))
    with pytest.raises(ParameterError, match="same current"):
        _ = flat.swing


def test_conductances_are_those_of_the_read_voltage():
    parallel, antiparallel = SETUP.conductances
    assert parallel == pytest.approx(1 / 1.0105e6, rel=1e-12, abs=0)
    ratio = 1.2 / (1 + (0.1 / 0.5) ** 2)
    assert antiparallel == pytest.approx(1 / (1e6 * (1 + ratio) + 10.5e3), rel=1e-12, abs=0)
    assert SETUP.swing == parallel - antiparallel


@pytest.mark.parametrize(
    "change",
    [{"rows": "gated"}, {"readout": "differential"}, {"references": "ideal"}, {"calibration": "array"}, {"adc_bits": 6},
     {"adc_kind": "flash"}, {"adc_clip": None}, {"adc_errors": {"noise": 0.5}}, {"params": PARAMS.with_values(access__resistance=1e3)}],
)  # fmt: skip
def test_hash_and_file_know_every_choice(change, tmp_path):
    other = replace(SETUP, **change)
    assert other.content_hash != SETUP.content_hash
    assert CrossbarSetup.from_dict(json.loads(json.dumps(other.to_dict()))) == other
    profile = HardwareProfile.ideal(0.2).with_arrays(other, (64, 32))
    assert profile.id != HardwareProfile.ideal(0.2).with_arrays(SETUP, (64, 32)).id
    again = HardwareProfile.load(profile.save(tmp_path / "p.h5"))
    assert again.arrays == other and again.array == (64, 32) and again.id == profile.id


def test_agreements_are_kept_in_the_file_and_replaced_by_new_ones(tmp_path):
    profile = HardwareProfile.ideal(0.2).with_arrays(SETUP).measure_agreement(16, 4, chips=2, inputs=16)
    assert profile.id == HardwareProfile.ideal(0.2).with_arrays(SETUP).id
    (record,) = HardwareProfile.load(profile.save(tmp_path / "p.h5")).agreements
    assert record == profile.agreements[0] and record.holds
    more = profile.measure_agreement(16, 4, chips=3, inputs=16).measure_agreement(8, 4, chips=1, inputs=8)
    assert [(a.rows, a.chips) for a in more.agreements] == [(16, 3), (8, 1)]
    assert record.covers(SETUP, 16, 3) and not record.covers(SETUP, 17, 3) and not record.covers(SETUP, 16, 5)
    assert not record.covers(replace(SETUP, rows="gated"), 16, 3)


def test_a_file_whose_arrays_are_damaged_is_named(tmp_path):
    path = HardwareProfile.ideal(0.2).with_arrays(SETUP).save(tmp_path / "p.h5")
    with h5py.File(path, "r+") as file:
        settings = json.loads(file.attrs["settings"])
        del settings["arrays"]["params"]["quantities"]["junction.tmr"]["value"]
        file.attrs["settings"] = json.dumps(settings)
    with pytest.raises(DataError, match="arrays of the profile"):
        HardwareProfile.load(path)


def test_profiles_without_arrays_keep_their_settings():
    held = HardwareProfile.ideal(0.2).settings()
    assert "arrays" not in held and "agreements" not in held


def test_the_bounds_of_an_agreement():
    record = replace(measure_agreement(SETUP, 8, 2, chips=1, inputs=8), distance=0.05, read_error_rms=0.1)
    assert replace(record, mean_error=0.5, spread_ratio=0.9).holds and replace(record, spread_ratio=1.1).holds
    assert not replace(record, mean_error=0.51).holds and not replace(record, distance=0.051).holds
    assert not replace(record, spread_ratio=0.89).holds and not replace(record, spread_ratio=1.11).holds
    for ratio, holds in ((0.89, False), (0.9, True), (1.1, True), (1.11, False), (None, True)):
        assert replace(record, column_ratio=ratio).holds == holds
    for numbers in ({"chips": 0}, {"inputs": 1}):  # one input has no spread
        with pytest.raises(ParameterError):
            measure_agreement(SETUP, 8, 2, **numbers)


@pytest.mark.parametrize("rows", ["driven", "gated"])
def test_a_table_that_is_exact_to_rounding_holds(rows):
    """Without spreads and wires both errors are rounding; the ratio of their spreads was judged, and to_hardware warned of it."""
    flat = PARAMS.with_values(
        wire__row_resistance=0, wire__column_resistance=0, junction__parallel_resistance__sigma=0, junction__tmr__sigma=0
    )
    found = measure_agreement(replace(SETUP, params=flat, rows=rows), 32, 4, chips=2, inputs=64)
    assert found.read_error_rms < 1e-3 and not 0.9 < found.spread_ratio < 1.1 and found.holds
    assert not replace(found, read_error_rms=2e-3).holds and not replace(found, mean_error=0.6).holds


@pytest.mark.parametrize(("key", "value"), [("colour", 1), ("strategy", 3), ("targets", None)])
def test_settings_that_no_profile_takes_name_the_file(key, value, tmp_path):
    path = HardwareProfile.ideal(0.2).save(tmp_path / "p.h5")
    with h5py.File(path, "a") as file:
        file.attrs["settings"] = json.dumps(json.loads(file.attrs["settings"]) | {key: value})
    with pytest.raises(DataError, match=r"p\.h5, attribute 'settings'"):
        HardwareProfile.load(path)


def test_the_worst_column_of_a_chip_is_found(monkeypatch):
    """A table that is right on average and wrong in one column of one chip: the pooled ratio does not see it."""
    from spinbnn.hardware.arrays import agreement

    right, chips = agreement.table_response, []

    def broken(sample, setup):
        chips.append(1)
        found = right(sample, setup)
        signed = found.signed.copy()
        if len(chips) == 2:
            signed[:, 3] *= np.linspace(0.8, 1.2, len(signed))  # the gain stays about right: calibration does not hide it
        return replace(found, signed=signed)

    honest = measure_agreement(SETUP, 64, 32, chips=4, inputs=128)
    monkeypatch.setattr(agreement, "table_response", broken)
    found = measure_agreement(SETUP, 64, 32, chips=4, inputs=128)
    assert abs(honest.column_ratio - 1) < 0.02 and honest.holds
    assert found.column_ratio > 1.1 and abs(found.spread_ratio - 1) < 0.05 and not found.holds


def test_a_record_from_before_the_worst_column_was_measured_still_loads(tmp_path):
    profile = HardwareProfile.ideal(0.2).with_arrays(SETUP).measure_agreement(16, 3, chips=1, inputs=64)
    (record,) = profile.agreements
    assert "not measured" not in str(record) and f"{record.column_ratio:.3f}" in str(record)
    old = replace(record, column_ratio=None)
    path = replace(profile, agreements=(old,)).save(tmp_path / "p.h5")
    with h5py.File(path, "a") as file:
        settings = json.loads(file.attrs["settings"])
        del settings["agreements"][0]["column_ratio"]  # as such files were written
        file.attrs["settings"] = json.dumps(settings)
    (again,) = HardwareProfile.load(path).agreements
    assert again == old and again.column_ratio is None and "not measured" in str(again) and again.holds == old.holds


def test_tiles_have_their_own_devices_and_converters():
    at = replace(SETUP, adc_errors={"offset_sigma": 1.0})
    tiling = MatrixTiling(channels=10, columns=5, cells=(4, 3))
    tiles = row_tiles(np.ones((10, 5), int), at, tiling, seed=1, layer="fc")
    assert [len(t.bits) for t in tiles] == [4, 4, 2] and all(t.bank.offset.shape == (5,) for t in tiles)
    values = [s.true.ravel()[0] for t in tiles for s in t.samples]
    assert len(set(values)) == 6 and len({v for t in tiles for v in t.bank.offset}) == 15
    for shape in ((9, 5), (10, 6)):
        with pytest.raises(ParameterError, match="tiling"):
            row_tiles(np.ones(shape, int), at, tiling, seed=1, layer="fc")


def test_arrays_at_another_temperature_are_refused():
    """Array files have no temperature law: 350 K would silently compute with the numbers of 300 K."""
    for temperature in (None, 300.0):
        assert HardwareProfile(targets=(0.2,), temperature=temperature, arrays=SETUP).arrays == SETUP
    with pytest.raises(ProfileError, match="temperature law") as error:
        HardwareProfile(targets=(0.2,), temperature=350.0, arrays=SETUP)
    assert "350" in str(error.value) and error.value.remedy
    warm = HardwareProfile(targets=(0.2,), temperature=350.0)
    with pytest.raises(ProfileError, match="temperature law"):
        warm.with_arrays(SETUP)
    assert replace(warm, temperature=300.0).with_arrays(SETUP).with_arrays(None).arrays is None


def test_faults_that_exclude_each_other_sum_to_one_at_most():
    full = {"faults__stuck_parallel": 0.6, "faults__stuck_antiparallel": 0.3, "faults__open": 0.1}
    CrossbarSetup(params=PARAMS.with_values(**full))
    with pytest.raises(ParameterError, match="sum to more than 1"):
        CrossbarSetup(params=PARAMS.with_values(**(full | {"faults__open": 0.2})))
    held = CrossbarSetup(params=PARAMS.with_values(**full)).to_dict()
    held["params"]["quantities"]["faults.open"]["value"] = 0.2  # as a file may say
    with pytest.raises(ParameterError, match=r"CrossbarSetup.*faults"):
        CrossbarSetup.from_dict(held)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.uint64])
def test_inputs_without_a_sign_are_refused(kind):
    """In an unsigned type -1 wraps, and the complement's word line of an input 0 or 1 is never what was meant."""
    sample = row_tiles([[1, 0], [0, 1]], SETUP, MatrixTiling(channels=2, columns=2, cells=(4, 4)), seed=0, layer="x")[0].samples[0]
    with pytest.raises(ParameterError, match="sign") as error:
        gated_half_sums(sample, SETUP, np.array([[1, 0]], kind))
    assert "2*bits - 1" in error.value.remedy
    assert np.isfinite(gated_half_sums(sample, SETUP, np.array([[1, 0]], np.int8))).all()


def test_the_floor_exports_the_electrical_side():
    import spinbnn.hardware as floor

    assert floor.CrossbarSetup is CrossbarSetup and floor.measure_agreement is measure_agreement
    assert floor.ColumnAgreement.__name__ in dir(floor)
