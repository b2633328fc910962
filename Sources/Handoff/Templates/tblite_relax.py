"""Relaxes the structure of this package with GFN1-xTB (tblite), or computes single points for single_points.py.

GFN1-xTB is a fast semi-empirical method, not DFT.

    python tblite_relax.py
"""
import os
import sys

# This folder comes last, so that a file in it cannot shadow a module of Python or of the engine.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != HERE] + [HERE]

from importlib.metadata import version  # noqa: E402

import numpy as np  # noqa: E402
from ase import Atoms  # noqa: E402
from ase.calculators.calculator import CalculationFailed  # noqa: E402
from ase.units import Hartree  # noqa: E402
from tblite.ase import TBLite  # noqa: E402

import relaxation  # noqa: E402

METHODS = ('GFN1-xTB', 'GFN2-xTB')
TEMPERATURE = 300.0


class Engine:
    """Single points with GFN1-xTB in one process, with OMP_NUM_THREADS threads."""

    name = 'tblite'
    uses_mpi = False

    def __init__(self, parameters, symbols, positions, others=(), lattice=None):
        """`others` is not used, because a molecule has no box here. tblite repeats a cell in all directions and has no
        k-points."""
        method = parameters.get('tblite', {}).get('method', METHODS[0])
        if method not in METHODS:
            raise relaxation.Refusal(f'{method} is not one of {", ".join(METHODS)}')
        self.versions = {'tblite': version('tblite')}
        self.level_of_theory = f'tblite {self.versions["tblite"]} {method} {TEMPERATURE:g}K '
        self.level_of_theory += 'non-periodic' if lattice is None else f'periodic {relaxation.letters(lattice)} gamma point'
        self.warnings = [f'{method} is a semi-empirical method, not DFT']
        self.atoms = Atoms(symbols, positions)
        if lattice is not None:
            self.atoms.set_cell(relaxation.engine_cell(lattice, positions))
            self.atoms.pbc = True
        self.atoms.calc = TBLite(method=method, charge=parameters['charge'], electronic_temperature=TEMPERATURE,
                                 verbosity=0)

    def evaluate(self, positions):
        self.atoms.positions = positions
        try:
            energy, forces = self.atoms.get_potential_energy(), self.atoms.get_forces()
        except CalculationFailed as error:
            raise relaxation.NotSelfConsistent(str(error)) from error
        # tblite's energy is the free energy with its smearing; tblite does not report the number of cycles.
        return relaxation.Labels(energy, energy, forces, None, self.orbitals())

    def orbitals(self):
        """Returns the energies of the highest occupied and the lowest unoccupied orbital, eV; {} if tblite has none."""
        try:
            result = self.atoms.calc._res
            energies, occupations = (np.ravel(result.get(name)) for name in ('orbital-energies', 'orbital-occupations'))
            occupied = occupations > 1
            return {'homo': float(energies[occupied].max()) * Hartree, 'lumo': float(energies[~occupied].min()) * Hartree}
        except Exception as error:  # noqa: BLE001 - energy and forces are enough
            print(f'orbital energies are left out: {relaxation.reason(error)}', file=sys.stderr, flush=True)
            return {}


if __name__ == '__main__':
    sys.exit(relaxation.main(Engine))
