"""Writes files with ASE 3.29.0 and libAtoms extxyz 0.4.6, and their content as JSON, for ExtXYZTests.

usage: python generate.py    (writes beside itself)
"""
import json
import os

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import write
import extxyz

here = os.path.dirname(os.path.abspath(__file__))


def frames():
    rng = np.random.default_rng(7)
    for k in range(3):
        atoms = Atoms('AuSCH3', positions=rng.normal(size=(6, 3)) * 3)
        if k == 1:
            atoms.set_cell([[9.5, 0, 0], [0.25, 10, 0], [0, 0, 11]])
            atoms.pbc = (True, True, False)
        atoms.info['label'] = 'with space' if k else 'plain'
        atoms.info['charge'] = -k
        atoms.info['good'] = bool(k % 2)
        atoms.info['numbers'] = np.array([1, 2, 3])
        atoms.info['reals'] = np.array([0.5, 1e-7, -3.25])
        atoms.info['flags'] = np.array([True, False])
        atoms.info['matrix'] = rng.normal(size=(2, 3))
        atoms.arrays['tag2'] = np.arange(6) * 10
        atoms.arrays['name'] = np.array(['a', 'bc', 'd', 'e', 'f', 'g'])
        atoms.set_constraint(FixAtoms([0, 2]))
        atoms.calc = SinglePointCalculator(atoms, energy=-12.5 - k, forces=rng.normal(size=(6, 3)))
        yield atoms


def describe(atoms):
    return {
        'symbols': list(atoms.symbols),
        'positions': atoms.positions.tolist(),
        'energy': atoms.get_potential_energy(),
        'forces': atoms.get_forces(apply_constraint=False).tolist(),
        'pbc': atoms.pbc.tolist(),
    }


if __name__ == '__main__':
    all_frames = list(frames())
    write(os.path.join(here, 'ase.extxyz'), all_frames, format='extxyz')
    dicts = []
    for atoms in all_frames:
        dicts.append(extxyz.Frame(
            natoms=len(atoms), cell=atoms.cell.array.T if atoms.pbc.any() else 20 * np.eye(3), pbc=atoms.pbc,
            info=dict({k: v for k, v in atoms.info.items()}, energy=atoms.get_potential_energy()),
            arrays=dict(species=np.array(atoms.get_chemical_symbols()), pos=atoms.positions,
                        forces=atoms.get_forces(apply_constraint=False), tag2=atoms.arrays['tag2'],
                        move_mask=np.array([i not in (0, 2) for i in range(6)]))))
    extxyz.write_dicts(os.path.join(here, 'libatoms.extxyz'), dicts)
    with open(os.path.join(here, 'frames.json'), 'w') as file:
        json.dump([describe(atoms) for atoms in all_frames], file, indent=1)
