"""GPAW: relaxes the structure of this package (see README.md), or computes energies and forces for single_points.py.

    mpiexec -n N python -m gpaw python gpaw_relax.py
"""
import os
import sys

# This folder comes last, so that a file in it cannot shadow a module of Python or of the engine.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != HERE] + [HERE]

import gpaw  # noqa: E402
import numpy as np  # noqa: E402
from ase import Atoms  # noqa: E402
from ase.parallel import world  # noqa: E402
from gpaw import FermiDirac, KohnShamConvergenceError  # noqa: E402

import relaxation  # noqa: E402


def calculator_class(mode):
    """GPAW, in the implementation that runs this mode on this number of ranks.

    The newer implementation distributes matrices in FD and PW mode with ScaLAPACK alone; without it the older one runs
    them on several ranks.
    """
    if mode != 'lcao' and world.size > 1:
        from gpaw.utilities import compiled_with_sl
        if not compiled_with_sl():
            try:
                from gpaw.old.calculator import GPAW
            except ImportError:
                from gpaw.calculator import GPAW
            return GPAW
    return gpaw.GPAW


class Engine:
    """Computes single points with GPAW in its own box; positions are in the frame of the package."""

    name = 'gpaw'
    uses_mpi = True

    # In result/.
    log = 'gpaw.txt'

    def __init__(self, parameters, symbols, positions, others=()):
        """The box contains `positions` and those of `others`, which are computed in the same box."""
        settings = parameters['gpaw']
        mode, h = settings['mode'], settings['h']
        extent = np.concatenate([positions, *others])
        span = np.ptp(extent, axis=0)
        cell = np.ceil((span + 2 * settings['vacuum']) / h / 4) * 4 * h
        self.shift = cell / 2 - (extent.max(axis=0) + extent.min(axis=0)) / 2
        self.atoms = Atoms(symbols, positions + self.shift, cell=cell, pbc=False)
        method = {'lcao': f'LCAO {settings["basis"]} h={h:g}A', 'fd': f'FD h={h:g}A',
                  'pw': f'PW {settings["cutoff"]:g}eV'}[mode]
        self.level_of_theory = (f'GPAW {gpaw.__version__} {settings["xc"]} {method} '
                                f'FermiDirac {settings["smearing"]:g}eV non-periodic')
        self.versions = {'gpaw': gpaw.__version__}
        self.warnings = []
        if (int(self.atoms.numbers.sum()) - parameters['charge']) % 2:
            self.warnings.append('odd number of electrons, calculated without spin polarisation')
        self.keywords = dict(
            xc=settings['xc'], charge=parameters['charge'], occupations=FermiDirac(settings['smearing']),
            convergence={'density': settings['density_convergence']}, maxiter=settings['max_scf_cycles'],
            symmetry='off')
        if mode == 'lcao':
            self.keywords.update(mode='lcao', basis=settings['basis'], h=h)
        elif mode == 'fd':
            self.keywords.update(mode='fd', h=h)
        else:
            self.keywords.update(mode={'name': 'pw', 'ecut': settings['cutoff']})
        self.mode = mode

    def evaluate(self, positions):
        if self.atoms.calc is None:
            # Appended, so that a resumed run keeps the log of the previous one.
            path = os.path.join(relaxation.RESULT, self.log)
            log = open(path if world.rank == 0 else os.devnull, 'a')
            self.atoms.calc = calculator_class(self.mode)(txt=log, **self.keywords)
        self.atoms.positions = positions + self.shift
        try:
            energy = self.atoms.get_potential_energy()
            forces = self.atoms.get_forces()
        except KohnShamConvergenceError as error:
            said = (str(error).strip().splitlines() or [f'after {self.keywords["maxiter"]} cycles'])[0]
            raise relaxation.NotSelfConsistent(said) from error
        free_energy = self.atoms.get_potential_energy(force_consistent=True)
        return relaxation.Labels(energy, free_energy, forces, self.atoms.calc.get_number_of_iterations())


if __name__ == '__main__':
    sys.exit(relaxation.main(Engine))
