"""The fields of a device file: meaning, unit and allowed range of each."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """What a field of a device file means, its unit and its allowed range (SI, inclusive)."""

    unit: str
    description: str
    lower: float = 0.0
    upper: float = math.inf
    required: bool = False


FIELDS: dict[str, FieldSpec] = {
    "geometry.pillar_diameter": FieldSpec(unit="m", description="diameter of the free layer", lower=1e-11, upper=1e-3),
    "geometry.free_layer_thickness": FieldSpec(unit="m", description="thickness of the free layer", lower=1e-11, upper=1e-3),
    "geometry.barrier_thickness": FieldSpec(unit="m", description="thickness of the tunnel barrier", lower=1e-11, upper=1e-3),
    "geometry.track_length": FieldSpec(unit="m", description="length of the heavy-metal track between its contacts", lower=1e-11, upper=1e-3),
    "geometry.track_width": FieldSpec(unit="m", description="width of the heavy-metal track", lower=1e-11, upper=1e-3),
    "geometry.track_thickness": FieldSpec(unit="m", description="thickness of the heavy-metal track", lower=1e-11, upper=1e-3),
    "magnetic.saturation_magnetization": FieldSpec(unit="A/m", description="saturation magnetisation at the reference temperature", lower=1.0),
    "magnetic.interface_anisotropy": FieldSpec(unit="J/m^2", description="interface anisotropy energy"),
    "magnetic.effective_anisotropy": FieldSpec(unit="J/m^3", description="effective anisotropy energy density K_eff at the reference temperature, demagnetisation included; replaces what interface_anisotropy gives", lower=1.0),
    "magnetic.interface_anisotropy_exponent": FieldSpec(unit="1", description="exponent n of K_i(T) ~ Ms(T)^n, the interface anisotropy alone", upper=20.0),
    "magnetic.demagnetization_factor": FieldSpec(unit="1", description="N_z - N_x of the free layer; replaces that of the uniformly magnetised disc", lower=-0.5, upper=1.0),
    "magnetic.vcma_coefficient": FieldSpec(unit="J/(V m)", description="voltage-controlled magnetic anisotropy coefficient xi", lower=-1e-9, upper=1e-9),
    "magnetic.damping": FieldSpec(unit="1", description="Gilbert damping", upper=1.0),
    "magnetic.in_plane_field": FieldSpec(unit="T", description="symmetry-breaking field mu0 H_x along the current; state 1 is the state that it favours under positive current", lower=-10.0, upper=10.0),
    "electrical.track_resistance": FieldSpec(unit="ohm", description="resistance of the track, end to end", lower=1e-3, required=True),
    "electrical.parallel_resistance": FieldSpec(unit="ohm", description="junction resistance, state 0 (parallel), zero bias", lower=1e-3, required=True),
    "electrical.resistance_area_product": FieldSpec(unit="ohm m^2", description="resistance-area product of the junction, state 0, zero bias"),
    "electrical.barrier_height": FieldSpec(unit="J", description="height of the tunnel barrier in the WKB law of the resistance-area product over the barrier thickness, e.g. 0.4 eV", upper=1e-17),
    "electrical.track_resistivity": FieldSpec(unit="ohm m", description="resistivity of the heavy metal"),
    "electrical.track_temperature_coefficient": FieldSpec(unit="1/K", description="linear temperature coefficient of the track resistance", lower=-0.02, upper=0.02),
    "electrical.tmr_bloch_temperature": FieldSpec(unit="K", description="temperature at which the spin polarisation vanishes by Bloch's law; without it the TMR ratio is constant", lower=1.0),
    "electrical.tmr": FieldSpec(unit="1", description="tunnel magnetoresistance ratio at zero bias", upper=20.0, required=True),
    "electrical.tmr_half_voltage": FieldSpec(unit="V", description="bias at which the TMR ratio is halved", lower=1e-3, required=True),
    "electrical.junction_capacitance": FieldSpec(unit="F", description="capacitance of the junction", required=True),
    "spin_hall.critical_current": FieldSpec(
        unit="A", lower=1e-9, required=True,
        description="Ic0 in the paper's convention: the track current at which H_DL = H_k, twice the 0 K switching threshold",
    ),
    "spin_hall.efficiency": FieldSpec(unit="1", description="damping-like torque efficiency", lower=-5.0, upper=5.0),
    "spin_hall.field_like_ratio": FieldSpec(unit="1", description="field-like over damping-like torque", lower=-10.0, upper=10.0),
    "thermal.delta": FieldSpec(unit="1", description="thermal stability factor E_b/(k_B T) at the reference temperature", lower=1.0, upper=500.0, required=True),
    "thermal.attempt_time": FieldSpec(unit="s", description="attempt time tau0 (effective, see the validity note)", lower=1e-16, upper=1e-6, required=True),
    "thermal.reference_temperature": FieldSpec(unit="K", description="temperature at which delta and Ic0 are given", lower=1.0, upper=1000.0, required=True),
    "thermal.curie_temperature": FieldSpec(unit="K", description="Curie temperature of the free layer", lower=1.0),
    "thermal.anisotropy_exponent": FieldSpec(unit="1", description="exponent n of K_eff(T) ~ Ms(T)^n; without it the interface anisotropy and the demagnetisation go their own ways, where the file gives them", upper=20.0),
    "switching.saturation": FieldSpec(unit="1", description="largest switching probability, p_sat", lower=1e-6, upper=1.0, required=True),
}  # fmt: skip
