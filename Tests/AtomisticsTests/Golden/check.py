"""Reads the files that aurelax wrote with ASE and with libAtoms extxyz, and compares the values.

usage: python check.py FILE             (aurelax's copy of ase.extxyz)
       python check.py --values FILE    (the frame of ExtXYZTests.othersReadWhatIsWritten)
"""
import json
import math
import os
import sys

import numpy as np
from ase.io import read
import extxyz

here = os.path.dirname(os.path.abspath(__file__))


def check_copy(path):
    with open(os.path.join(here, 'frames.json')) as file:
        wanted = json.load(file)
    frames = read(path, index=':')
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

    for frame, want in zip(extxyz.read_dicts(path), wanted):
        assert frame.natoms == len(want['symbols'])
        assert np.allclose(frame.arrays['pos'], want['positions'], rtol=0, atol=2e-8)
        assert np.allclose(frame.arrays['forces'], want['forces'], rtol=0, atol=2e-8)
        assert frame.info['energy'] == want['energy']


def check_values(path):
    """Compares exactly, because numbers are written with all digits that they need."""
    positions = [[0.1, -1e-17, 1 / 3], [1e22, 2.0, math.pi]]
    forces = [[1.1, 2.2, 3.3], [-1e-9, 0.0, 7e11]]
    atoms = read(path)
    assert atoms.positions.tolist() == positions
    assert atoms.get_forces(apply_constraint=False).tolist() == forces
    assert atoms.get_potential_energy() == -12345.678901234567
    assert atoms.constraints[0].index.tolist() == [1]
    assert atoms.info['text'] == 'a "quoted" text'
    assert atoms.info['number-like'] == '12'
    assert atoms.info['empty'] == ''
    assert len(atoms.info['none']) == 0
    assert atoms.info['bare'] is True
    assert atoms.info['reals'].tolist() == [0.1, 1e-300]
    assert atoms.info['matrix'].tolist() == [[1.5, 2.0], [3.0, 0.1]]
    assert atoms.info['last'] == 3

    frame = extxyz.read_dicts(path)
    frame = frame[0] if isinstance(frame, list) else frame
    assert frame.arrays['pos'].tolist() == positions
    assert frame.arrays['forces'].tolist() == forces
    assert frame.arrays['move_mask'].tolist() == [True, False]
    assert frame.info['energy'] == -12345.678901234567
    assert frame.info['text'] == 'a "quoted" text'
    assert frame.info['bare'] is True
    assert frame.info['reals'].tolist() == [0.1, 1e-300]
    assert frame.info['last'] == 3


if sys.argv[1] == '--values':
    check_values(sys.argv[2])
else:
    check_copy(sys.argv[1])
