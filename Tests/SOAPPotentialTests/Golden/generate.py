"""Writes rings.json: labelled frames for the tests, taken from the project's training data.

Run: python generate.py RINGS.extxyz CLUSTER.extxyz, the files of ring and cluster structures that
models/thiolate-gold trains on (GPAW 26.7.0, PBE, LCAO dzp). Keeps every third frame of the four-ring's
dynamics and relaxation, in order, and the first cluster frame without its labels. Made with ase 3.29.0.
"""
import json
import sys

from ase.io import read


def frame(atoms, labelled):
    out = {"symbols": atoms.get_chemical_symbols(), "positions": atoms.positions.round(6).tolist()}
    if labelled:
        out["energy"] = atoms.get_potential_energy()
        out["forces"] = atoms.get_forces().round(6).tolist()
    return out


rings = [a for a in read(sys.argv[1], ":") if a.info["config_type"] in ("ring4_opt", "ring4_md500")]
data = {"rings": [frame(a, True) for a in rings[::3]], "cluster": frame(read(sys.argv[2], 0), False)}
with open("rings.json", "w") as file:
    json.dump(data, file, separators=(",", ":"))
