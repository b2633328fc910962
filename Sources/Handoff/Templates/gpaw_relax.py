"""Relaxes the structure of this package with GPAW (see README.md), or computes single points for single_points.py.

    mpiexec -n N python -m gpaw python gpaw_relax.py

With --check it reads the settings of a calculation as JSON from standard input, tries them on single atoms, and prints
GPAW's objections to them.
"""
import os
import sys

# This folder comes last, so that a file in it cannot shadow a module of Python or of the engine.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != HERE] + [HERE]

import json  # noqa: E402
import warnings  # noqa: E402

try:
    import gpaw  # noqa: E402
except ImportError:
    if sys.argv[1:] == ['--check']:
        # To aurelax, this status means that GPAW is not installed.
        sys.exit(4)
    raise
import numpy as np  # noqa: E402
from ase import Atoms  # noqa: E402
from ase.data import atomic_numbers  # noqa: E402
from ase.parallel import broadcast, world  # noqa: E402
from gpaw import FermiDirac, KohnShamConvergenceError  # noqa: E402

import relaxation  # noqa: E402


def calculator_class(mode):
    """Returns the class of the GPAW implementation that runs this mode on this number of ranks.

    In FD and PW mode the newer implementation needs ScaLAPACK to distribute matrices. Without ScaLAPACK, the older
    implementation is used on several ranks.
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


def keywords(settings, charge, moments=None):
    """Returns GPAW's arguments for the settings of a package; `moments` are the initial magnetic moments of its atoms."""
    mode, h = settings['mode'], settings['h']
    given = dict(settings.get('keywords') or {})
    arguments = dict(
        xc=settings['xc'], charge=charge, maxiter=settings['max_scf_cycles'], symmetry=given.pop('symmetry', 'off'),
        convergence={'density': settings['density_convergence'], **(given.pop('convergence', None) or {})})
    occupations = given.pop('occupations', None)
    spin = settings.get('spin')
    if spin is not None:
        arguments['spinpol'] = True
        if spin.get('moments') is None:
            arguments['hund'] = True
        occupations = dict(occupations or {'name': 'fermi-dirac', 'width': settings['smearing']})
        if spin['fixed']:
            occupations['fixmagmom'] = True
    arguments['occupations'] = FermiDirac(settings['smearing']) if occupations is None else occupations
    solver = given.get('eigensolver')
    if solver is not None and set(solver) == {'name'}:
        given['eigensolver'] = solver['name']
    arguments.update(given)
    if mode == 'lcao':
        arguments.update(mode='lcao', basis=settings['basis'], h=h)
    elif mode == 'fd':
        arguments.update(mode='fd', h=h)
    else:
        arguments.update(mode={'name': 'pw', 'ecut': settings['cutoff']})
    kpts = settings.get('kpts')
    if kpts is not None:
        arguments['kpts'] = tuple(kpts['size']) if kpts.get('size') else {'density': kpts['density'], 'gamma': kpts['gamma']}
        if arguments['symmetry'] == 'off':
            # Atoms that move break the symmetry of the point group, but not time reversal, which halves the k-points.
            arguments['symmetry'] = {'point_group': False}
        elif arguments['symmetry'] == 'on':
            arguments['symmetry'] = {}
    return arguments


def dispersion_calculator(settings):
    """Returns ASE's calculator of the dispersion correction (None if there is none) and the versions of its packages."""
    name = settings.get('dispersion')
    if name is None:
        return None, {}
    module = {'D3': 'dftd3', 'D4': 'dftd4'}[name]
    try:
        if name == 'D3':
            from dftd3.ase import DFTD3
            calculator = DFTD3(method=settings['xc'], damping='d3bj')
        else:
            from dftd4.ase import DFTD4
            calculator = DFTD4(method=settings['xc'])
    except ImportError as error:
        raise relaxation.UnusableSettings(
            f'the dispersion correction {name} needs the Python package {module} ({error}): pip install {module}') from error
    from importlib.metadata import version
    return calculator, {module: version(module)}


class Engine:
    """Computes single points with GPAW in its own box, or in the structure's cell; positions are in the frame of the
    package."""

    name = 'gpaw'
    uses_mpi = True

    # GPAW's log in result/.
    log = 'gpaw.txt'

    # The file in result/ with the density of the last geometry, for a restart; None if the density is not saved.
    density = 'density.gpw'

    def __init__(self, parameters, symbols, positions, others=(), lattice=None):
        """The box contains `positions` and those of `others`, which are computed in the same box. A periodic structure
        keeps its cell; along an open direction with less empty space than the settings require, the cell is enlarged."""
        settings = parameters['gpaw']
        self.settings, self.charge, self.mode = settings, parameters['charge'], settings['mode']
        h, mode = settings['h'], self.mode
        self.warnings = []
        if lattice is None:
            extent = np.concatenate([positions, *others])
            span = np.ptp(extent, axis=0)
            cell = np.ceil((span + 2 * settings['vacuum']) / h / 4) * 4 * h
            self.shift = cell / 2 - (extent.max(axis=0) + extent.min(axis=0)) / 2
            self.atoms = Atoms(symbols, positions + self.shift, cell=cell, pbc=False)
        else:
            cell, self.shift, low = lattice.opened([positions, *others], settings['vacuum'], 4 * h)
            self.atoms = Atoms(symbols, positions + self.shift, cell=cell, pbc=lattice.pbc)
            if low is not None:
                self.warnings.append(f'the cell is {low:.1f} Å high along an open direction: calculated with '
                                     f'{settings["vacuum"]:g} Å of empty space on both sides')
        level = settings.get('level')
        if level is None:
            method = {'lcao': f'LCAO {settings["basis"]} h={h:g}A', 'fd': f'FD h={h:g}A',
                      'pw': f'PW {settings["cutoff"]:g}eV'}[mode]
            level = f' {settings["xc"]} {method} FermiDirac {settings["smearing"]:g}eV non-periodic'
        self.level_of_theory = f'GPAW {gpaw.__version__}{level}'
        self.versions = {'gpaw': gpaw.__version__}
        spin = settings.get('spin')
        if spin is not None:
            if spin.get('moments') is not None:
                self.atoms.set_initial_magnetic_moments(spin['moments'])
            if spin.get('assumed'):
                self.warnings.append('odd number of electrons: calculated spin-polarised, multiplicity '
                                     f'{spin["multiplicity"]}')
        elif lattice is None and (int(self.atoms.numbers.sum()) - self.charge) % 2:
            self.warnings.append('odd number of electrons, calculated without spin polarisation')
        self.keywords = keywords(settings, self.charge)
        self.dispersion = None

    def start(self):
        """Makes the calculator; it begins with the density that an earlier run has saved, if there is one."""
        # Opened for appending, so that a resumed run keeps the log of the previous run.
        path = os.path.join(relaxation.RESULT, self.log)
        log = open(path if world.rank == 0 else os.devnull, 'a')
        correction, versions = dispersion_calculator(self.settings)
        if correction is not None:
            self.dispersion = self.atoms.copy()
            self.dispersion.calc = correction
            self.versions.update(versions)
        self.atoms.calc = calculator_class(self.mode)(txt=log, **self.keywords)
        self.continue_density()

    def density_path(self):
        return None if self.density is None else os.path.join(relaxation.RESULT, self.density)

    def continue_density(self):
        """Makes the calculator begin with the saved density, moved with the atoms, instead of a sum of atomic densities.

        The older implementation ignores a density without wave functions, so the density is not saved for it. If the file
        cannot be read, the calculation does not fail but begins with the atomic densities.
        """
        path, parameters = self.density_path(), getattr(self.atoms.calc, 'params', None)
        if path is None or not broadcast(os.path.exists(path) if world.rank == 0 else None, 0, world):
            return
        original = getattr(parameters, 'dft_component_builder', None)
        if original is None:
            return
        try:
            from gpaw.new.gpw import read_gpw
            saved, dft, _ = read_gpw(path, log=None)
            if not np.array_equal(saved.numbers, self.atoms.numbers) or abs(saved.cell - self.atoms.cell).max() > 1e-9:
                raise ValueError('it belongs to another structure or box')
        except Exception as error:  # noqa: BLE001 - any fault of the file
            if world.rank == 0:
                print(f'{path} is not used: {relaxation.reason(error)}', file=sys.stderr, flush=True)
            return

        def builder(atoms, *, comm=None, log=None):
            made = original(atoms, comm=comm, log=log)

            def density(_):
                dft.density.move(made.relpos_ac, made.atomdist)
                return dft.density
            made.density_from_superposition = density
            return made
        parameters.dft_component_builder = builder

    def forget_density(self):
        """Removes the saved density after the first geometry; not earlier, because GPAW may set up that geometry twice."""
        parameters = getattr(self.atoms.calc, 'params', None)
        if parameters is not None:
            vars(parameters).pop('dft_component_builder', None)

    def keep_density(self):
        """Writes the density without wave functions, atomically; the calculation does not fail if this is impossible."""
        path = self.density_path()
        if path is None or not hasattr(self.atoms.calc, 'params'):
            return
        problem = None
        try:
            self.atoms.calc.write(path + '.part')
        except Exception as error:  # noqa: BLE001 - the density is a convenience
            problem = relaxation.reason(error)
        if world.rank == 0:
            try:
                if problem is None:
                    os.replace(path + '.part', path)
            except OSError as error:
                problem = relaxation.reason(error)
        if problem is not None:
            self.density = None
            if world.rank == 0:
                print(f'the density is not kept: {problem}', file=sys.stderr, flush=True)

    def tidy(self):
        """Removes the files that only a restart needs; called on rank 0."""
        path = os.path.join(relaxation.RESULT, Engine.density)
        for name in (path, path + '.part'):
            if os.path.exists(name):
                os.remove(name)

    def evaluate(self, positions):
        if self.atoms.calc is None:
            self.start()
        self.atoms.positions = positions + self.shift
        try:
            energy = self.atoms.get_potential_energy()
            forces = self.atoms.get_forces()
        except KohnShamConvergenceError as error:
            said = (str(error).strip().splitlines() or [f'after {self.keywords["maxiter"]} cycles'])[0]
            raise relaxation.NotSelfConsistent(said) from error
        free_energy = self.atoms.get_potential_energy(force_consistent=True)
        cycles, properties = self.atoms.calc.get_number_of_iterations(), self.properties()
        self.forget_density()
        self.keep_density()
        if self.dispersion is not None:
            self.dispersion.positions = positions
            correction = self.dispersion.get_potential_energy()
            energy, free_energy = energy + correction, free_energy + correction
            forces = forces + self.dispersion.get_forces()
            properties['dispersion_energy'] = float(correction)
        return relaxation.Labels(energy, free_energy, forces, cycles, properties)

    def properties(self):
        """Returns electronic properties from GPAW, in eV, e Angstrom and Bohr magnetons."""
        found = {}
        try:
            # A periodic structure has no dipole moment along its lattice, and its bands cross the Fermi level if it
            # is a metal.
            if not self.atoms.pbc.any():
                homo, lumo = (float(value) for value in self.atoms.calc.get_homo_lumo())
                for name, value in (('homo', homo), ('lumo', lumo)):
                    if np.isfinite(value):
                        found[name] = value
                dipole = np.array(self.atoms.calc.get_dipole_moment(self.atoms), float)
                # The dipole moment of an ion depends on the origin; here it is the centre of mass.
                dipole -= self.charge * self.atoms.get_center_of_mass()
                if np.isfinite(dipole).all():
                    found['dipole'] = dipole.tolist()
            if self.settings.get('spin') is not None:
                moment = float(self.atoms.calc.get_magnetic_moment(self.atoms))
                if np.isfinite(moment):
                    found['magmom'] = moment
        except Exception as error:  # noqa: BLE001 - versions of GPAW differ, and energy and forces are enough
            if world.rank == 0:
                print(f'orbital energies, dipole moment and magnetic moment are left out: {relaxation.reason(error)}', file=sys.stderr, flush=True)
        return found


def check(request):
    """Returns GPAW's objections to settings, a list of {key, message}, after trying each element as a free atom.

    Two cycles of self-consistency are enough, because GPAW rejects an unknown name, a data set that is not installed
    and an unsupported combination before the end of the second cycle.
    """
    settings, problems = request['gpaw'], []

    def add(key, error):
        problems.append({'key': key, 'message': relaxation.reason(error)})

    try:
        from gpaw.xc import XC
        XC(settings['xc'])
    except Exception as error:  # noqa: BLE001 - any objection is reported
        add('xc', error)
        return problems
    try:
        calculator, _ = dispersion_calculator(settings)
        if calculator is not None:
            pair = Atoms(request['symbols'][:1] * 2, [(0, 0, 0), (0, 0, 3)])
            pair.calc = calculator
            pair.get_potential_energy()
    except Exception as error:  # noqa: BLE001
        add('gpaw.dispersion', error)
    kinds = (settings.get('keywords') or {}).get('setups') or {}
    lacking = set()
    for symbol in sorted(set(request['symbols']), key=lambda symbol: atomic_numbers[symbol]):
        if settings['mode'] == 'lcao':
            problem = missing_basis(symbol, kinds.get(symbol, kinds.get('default', 'paw')), settings['basis'])
            if problem is not None:
                problems.append({'key': 'basis', 'message': problem})
                lacking.add(symbol)
    for symbol in sorted(set(request['symbols']) - lacking, key=lambda symbol: atomic_numbers[symbol]):
        trial = dict(settings, h=max(settings['h'], 0.3), cutoff=min(settings['cutoff'], 200), max_scf_cycles=2)
        odd = atomic_numbers[symbol] % 2
        if settings.get('spin') is not None:
            trial['spin'] = {'moments': [odd], 'fixed': False}
        # The numbers of bands and processes, and the k-points, are meant for the whole structure and do not fit a
        # single atom.
        trial.pop('kpts', None)
        arguments = keywords(trial, 0)
        for key in ('nbands', 'parallel'):
            arguments.pop(key, None)
        if arguments.get('poissonsolver', {}).get('dipolelayer'):
            arguments.pop('poissonsolver')
        if kinds:
            arguments['setups'] = {key: kinds[key] for key in kinds if key in (symbol, 'default')} or 'paw'
        atom = Atoms(symbol, [(3, 3, 3)], cell=(6, 6, 6), magmoms=[odd if settings.get('spin') else 0])
        try:
            atom.calc = calculator_class(settings['mode'])(txt=None, **arguments)
            atom.get_potential_energy()
        except KohnShamConvergenceError:
            pass
        except Exception as error:  # noqa: BLE001
            problems.append({'key': 'gpaw', 'message': f'{symbol}: {relaxation.reason(error)}'})
            if not isinstance(error, FileNotFoundError):
                break
    return problems


def missing_basis(symbol, kind, basis):
    """Returns a message if the basis set of an element is not installed, else None."""
    try:
        from gpaw import setup_paths
    except ImportError:
        return None
    name = basis[basis.find('(') + 1:-1] if basis.endswith(')') else basis
    start = f'{symbol}.' if kind == 'paw' else f'{symbol}.{kind}.'
    files = [file for path in setup_paths if os.path.isdir(path) for file in os.listdir(path)]
    known = sorted({file.split('.basis')[0][len(start):] for file in files if file.startswith(start) and '.basis' in file})
    if name in known or not files:
        return None
    there = ', '.join(known[:8]) or 'none'
    return f'the basis set {basis} of {symbol} is not installed; installed for {symbol}: {there}'


def main(arguments):
    if arguments == ['--check']:
        warnings.simplefilter('ignore')
        print(json.dumps(check(json.load(sys.stdin))))
        return 0
    return relaxation.main(Engine)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
