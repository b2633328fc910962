#!/usr/bin/env python3
"""Writes `steps.json` and `optimizer.log`: the steps of ASE's own optimisers for a Morse cluster.

    E = D sum_{i<j} (exp(-2 rho (r - r0)) - 2 exp(-rho (r - r0))),  D = 1 eV, rho = 1.2 / Angstrom, r0 = 2.6 Angstrom

Made with ase 3.29.0 and numpy; positions and forces are written with every digit. Tolerance of the tests: 1e-10.
"""
import json
import time
from io import StringIO
from pathlib import Path

import ase
import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.constraints import FixAtoms, FixCartesian
from ase.optimize import BFGS, FIRE, FIRE2, LBFGS

here = Path(__file__).parent
start = np.array([
    [0.00, 0.00, 0.00], [2.75, 0.10, -0.05], [1.30, 2.20, 0.15], [1.45, 0.70, 2.30],
    [1.20, 0.85, -2.45], [3.95, 2.30, 0.60], [-1.10, 2.35, 1.10],
])


class Morse(Calculator):
    implemented_properties = ['energy', 'forces']

    def __init__(self, has_energy=True):
        super().__init__()
        self.has_energy = has_energy

    def calculate(self, atoms, properties, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        x = atoms.positions
        energy, forces = 0.0, np.zeros_like(x)
        for i in range(len(x)):
            for j in range(i):
                d = x[i] - x[j]
                r = np.linalg.norm(d)
                e = np.exp(-1.2 * (r - 2.6))
                energy += e * e - 2 * e
                f = 2 * 1.2 * (e * e - e) * d / r
                forces[i] += f
                forces[j] -= f
        self.results = {'energy': energy if self.has_energy else float('nan'), 'forces': forces}


def cluster(fixed=()):
    atoms = Atoms('Au7', positions=start, calculator=Morse())
    if fixed:
        atoms.set_constraint(FixAtoms(fixed))
    return atoms


def partly_fixed():
    # The constraints that ASE reads from a move_mask of three columns: atom 0 is fixed, atom 1 keeps z, atom 4 moves along z.
    atoms = cluster()
    atoms.set_constraint([FixAtoms([0]), FixCartesian(1, (False, False, True)), FixCartesian(4, (True, True, False))])
    return atoms


def recorded(atoms, method, run, **options):
    frames = []
    optimizer = method(atoms, logfile=None, **options)
    optimizer.attach(lambda: frames.append({
        'positions': atoms.positions.tolist(),
        'energy': atoms.get_potential_energy(),
        'fmax': float(np.linalg.norm(atoms.get_forces(), axis=1).max()),
    }))
    run(optimizer)
    return frames


def ten(optimizer):
    optimizer.run(fmax=1e-9, steps=10)


def alternating(atoms):
    def run(optimizer):
        for _ in range(3):
            for fixed, steps in (([4, 5, 6], 3), ([0, 1, 2, 3], 2)):
                atoms.set_constraint(FixAtoms(fixed))
                optimizer.run(fmax=1e-9, steps=steps)
    return run


runs = {
    'bfgs': recorded(cluster(), BFGS, ten, maxstep=0.2),
    'bfgs-small-steps': recorded(cluster(), BFGS, ten, maxstep=0.02),
    'bfgs-fixed-atoms': recorded(cluster([0, 4]), BFGS, ten, maxstep=0.2),
    'bfgs-fixed-coordinates': recorded(partly_fixed(), BFGS, ten, maxstep=0.2),
    'lbfgs': recorded(cluster(), LBFGS, ten, maxstep=0.2),
    'fire': recorded(cluster(), FIRE, lambda o: o.run(fmax=1e-9, steps=40), maxstep=0.2),
    'fire2': recorded(cluster(), FIRE2, lambda o: o.run(fmax=1e-9, steps=40), maxstep=0.2),
}
atoms = cluster()
runs['bfgs-alternating'] = recorded(atoms, BFGS, alternating(atoms), maxstep=0.2)
(here / 'steps.json').write_text(json.dumps({'ase': ase.__version__, 'numpy': np.__version__, 'runs': runs}))

log = StringIO()
time.localtime = lambda *_: time.struct_time((2026, 1, 2, 12, 34, 56, 4, 2, 0))
for has_energy in (True, False):
    for method in (BFGS, LBFGS, FIRE2):
        atoms = cluster()
        atoms.calc = Morse(has_energy)
        method(atoms, logfile=log).run(fmax=1e-9, steps=2)
(here / 'optimizer.log').write_text(log.getvalue())
