"""Reads with ASE and with libAtoms extxyz what aurelax wrote of ase.extxyz, and compares.

usage: python check.py FILE
"""
import json
import os
import sys

import numpy as np
from ase.io import read
import extxyz

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, 'frames.json')) as file:
    wanted = json.load(file)

frames = read(sys.argv[1], index=':')
assert len(frames) == len(wanted)
for atoms, want in zip(frames, wanted):
    assert list(atoms.symbols) == want['symbols']
    assert np.allclose(atoms.positions, want['positions'], rtol=0, atol=2e-8)
    assert np.allclose(atoms.get_forces(apply_constraint=False), want['forces'], rtol=0, atol=2e-8)
    assert atoms.get_potential_energy() == want['energy']
    assert atoms.pbc.tolist() == want['pbc']
    assert list(atoms.constraints[0].index) == [0, 2]
    assert atoms.info['numbers'].tolist() == [1, 2, 3]
    assert np.asarray(atoms.info['matrix']).shape == (2, 3)

for frame, want in zip(extxyz.read_dicts(sys.argv[1]), wanted):
    assert frame.natoms == len(want['symbols'])
    assert np.allclose(frame.arrays['pos'], want['positions'], rtol=0, atol=2e-8)
    assert np.allclose(frame.arrays['forces'], want['forces'], rtol=0, atol=2e-8)
    assert frame.info['energy'] == want['energy']
