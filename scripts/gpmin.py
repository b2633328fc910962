"""ASE's GPMin on any engine, for comparison: a Gaussian process on Cartesian coordinates, without a base."""
import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.optimize import GPMin


class LimitReached(Exception):
    """The relaxation has used all its gradient calls."""


class Counted(Calculator):
    """Calls `evaluate(positions)`, which returns labels with energy (eV) and forces (eV/Å), at most `limit` times."""

    implemented_properties = ['energy', 'forces']

    def __init__(self, evaluate, limit):
        super().__init__()
        self.evaluate, self.limit, self.frames = evaluate, limit, []

    def calculate(self, atoms=None, properties=('energy', 'forces'), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if len(self.frames) == self.limit:
            raise LimitReached(f'not converged after {self.limit} gradient calls')
        labels = self.evaluate(atoms.positions)
        self.frames.append((atoms.positions.copy(), labels, float(np.linalg.norm(labels.forces, axis=1).max())))
        self.results = {'energy': labels.energy, 'forces': labels.forces}


def relax(atoms, evaluate, fmax, limit):
    """Returns (positions, labels, largest force) of each gradient call, and why the relaxation ended.

    GPMin gives up with an error if it finds no lower energy in 30 gradient calls.
    """
    atoms.calc = counted = Counted(evaluate, limit)
    message = f'below {fmax:g} eV/Å'
    try:
        GPMin(atoms, logfile=None).run(fmax=fmax, steps=limit)
    except (LimitReached, RuntimeError) as error:
        message = str(error)
    return counted.frames, message
