"""A small foundry library, made up: sections, includes, bins, expressions, switches and a length unit, as real ones have."""

from __future__ import annotations

from pathlib import Path

ROOT = """\
* made-up library
.lib tt
.param mc_switch=0
.include "parameters/tt.inc"
.include 'devices.inc'
.endl tt
.lib ss
.param mc_switch=0
.include "parameters/ss.inc"
.include 'devices.inc'
.endl
.lib noinc
.param x=1
.endl
"""
PARAMETERS = """\
.param vt_n={{ {vth}*strength }} + mc_switch*AGAUSS(0,0.01,1)
.param vt_p = '-({vth})'
+ strength = 1 ; one
* a comment between
+ tox={{4e-9*({tox})}}
"""
CARD = """\
+ level=54 version=4.5 binunit=2 mobmod=0 capmod=2 rdsmod=0 igcmod=0 igbmod=0 geomod=0 diomod=1 rbodymod=0
+ lmin={lmin} lmax={lmax} wmin={wmin} wmax={wmax}
+ epsrox=3.9 toxe={{tox}} toxm=4e-9 xj=1e-7 ndep=1.7e17 nsd=1e20 ngate=1e23 rsh={{50*nf/w+100}} tnom=27
+ lint=1e-8 wint=5e-9 vth0={vth0} lvth0=1e-9 k1=0.5 k2=0 k3=0 lpe0=0 lpeb=0 dvt0=0 eta0=0.05 dsub=0.5 nfactor=1.5 voff=-0.1
+ u0={u0} ua=-7e-10 ub=1.7e-18 uc=0 vsat=8e4 a0=1.2 ags=0.3 pclm=0.3 delta=0.01 rdsw=100
+ cgso=2.4e-10 cgdo=2.4e-10 cf=0 cjs=1e-3 cjsws=1e-10 cjswgs=2e-10 pbs=0.8 jss=1e-6 saref=1e-6 sbref=1e-6 kvth0=2e-8 ku0=-2e-8
"""
DEVICE = """\
.subckt {name} d g s b mult=1
.param l=1 w=1 nf=1 ad=0 as=0 pd=0 ps=0 nrd={{0.14/w}} nrs={{0.14/w}} sa=0 sb=0
+ shift={{{vt}+mc_switch*agauss(0,0.003,1)/sqrt(l*w*mult)}}
Mcore d g s b {card} l={{l}} w={{w}} ad={{ad}} as={{as}} pd={{pd}} ps={{ps}} nrd={{nrd}} nrs={{nrs}} sa={{sa}} sb={{sb}} nf={{nf}}
+ delvto={{shift*(0.05/l+0.9)}}
{bins}
.ends {name}
"""
TECHNOLOGY = """\
schema = "spinbnn.technology/1"
name = "made_up"
supply = "1.8 V"
gate_length = "150 nm"

[library]
file = "models/made_up.lib"
nmos = "mu_nfet"
pmos = { device = "mu_pfet", kind = "subcircuit", pins = "d g s b" }
unit = "1 um"
#extract

[library.instance]
ad = "0.3*w"
pd = "2*(w+0.3)"
sa = "0.5"
sb = "0.5"

[corners.tt]
section = "tt"
[corners.ss]
section = "ss"
pmos_vth_shift = { value = "10 mV", source = "assumed" }

[mismatch]
convention = "pair"
nmos_avt = "4 mV um"
pmos_avt = "5 mV um"
nmos_abeta = "1 % um"
pmos_abeta = "1 % um"
nmos_vth_factor = { value = "1+0.1/l", source = "made up" }
"""
BINS = [(0.15e-6, 0.5e-6, 0.4e-6, 1e-6), (0.15e-6, 0.5e-6, 1e-6, 10e-6), (0.5e-6, 5e-6, 0.4e-6, 10e-6)]


def write(folder: Path, technology: str = TECHNOLOGY) -> Path:
    """Write library and technology below a folder, and return the technology's file."""
    models = folder / "models"
    (models / "parameters").mkdir(parents=True, exist_ok=True)
    (models / "made_up.lib").write_text(ROOT, encoding="utf-8")
    (models / "parameters" / "tt.inc").write_text(PARAMETERS.format(vth=0.0, tox=1), encoding="utf-8")
    (models / "parameters" / "ss.inc").write_text(PARAMETERS.format(vth=0.03, tox=1.02), encoding="utf-8")
    devices = ["* the unit of every length", ".option scale=1.0u"]
    for name, kind, vth0, u0, vt in (("mu_nfet", "nmos", 0.5, 0.03, "vt_n"), ("mu_pfet", "pmos", -0.55, 0.008, "vt_p")):
        bins = [
            f".model {name}_core.{count} {kind}\n{CARD.format(lmin=a, lmax=b, wmin=c, wmax=d, vth0=vth0 * (1 + 0.02 * count), u0=u0)}"
            for count, (a, b, c, d) in enumerate(BINS)
        ]
        devices.append(DEVICE.format(name=name, vt=vt, card=f"{name}_core", bins="".join(bins)))
    devices.append(".subckt mu_wrapped d g s b w=1 l=1 ad=0 pd=0 sa=0 sb=0\nX1 d g s b mu_nfet w={w} l={l} ad={ad} pd={pd} sa={sa} sb={sb}\n.ends")
    devices.append(".subckt mu_two d g s b w=1 l=1\nM1 d g s b mu_nfet_core w={w} l={l}\nR1 d s 1e9\n.ends")
    (models / "devices.inc").write_text("\n".join(devices), encoding="utf-8")
    path = folder / "made_up.toml"
    path.write_text(technology, encoding="utf-8")
    return path
