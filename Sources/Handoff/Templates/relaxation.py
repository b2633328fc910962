"""Relaxes the structure of one package. The engine that computes energies and forces is in another script.

Reads MANIFEST.json, parameters.json, initial.extxyz and the Hessian, if there is one; writes result/. If it is run again
after an interruption, it resumes from its own trajectory. Lengths in Angstrom, energies in eV, forces in eV/Angstrom.

Only rank 0 reads and writes files, without ASE's parallel writers. All ranks take the same steps, because they use the
positions of rank 0 in every step.
"""
import fcntl
import hashlib
import io
import json
import os
import platform
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback

import ase
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms, FixCartesian
from ase.io import read
from ase.optimize import BFGS
from ase.parallel import broadcast, world

FORMAT = 1
RESULT = 'result'
UNITS = {'length': 'Angstrom', 'energy': 'eV', 'force': 'eV/Angstrom', 'time': 's'}
# The curvature with which ASE's BFGS begins in every direction, eV/Angstrom^2; atoms that do not move keep it.
DEFAULT_CURVATURE = 70.0
# Smallest curvature of a Hessian that was calculated with the base, eV/Angstrom^2.
DEFAULT_FLOOR = 2.0
# Once the forces are as small as requested, a relaxation looks for a lower energy with at most this number of
# gradients, and with at most as many gradients as it has needed until then.
SETTLING = 10
# The file in result/ with the gradients that a learning relaxation has learnt from, a model file.
LEARNT = 'learnt.aurelax-model'
# The file in result/ with the number of frames after which BFGS took over from the learning relaxation.
TAKEN_OVER = 'taken-over.json'
# Exit status of each verdict. A run with a verdict in `FINAL` is not repeated.
EXIT = {'converged': 0, 'step-limit': 3, 'scf-not-converged': 4, 'non-finite': 5, 'stopped': 6, 'engine-error': 7}
FINAL = ('converged', 'step-limit')
REFUSED, BUSY = 8, 75


class Refusal(Exception):
    """The package, or a file in result/, cannot be used."""
    status = REFUSED


class Busy(Refusal):
    """Another process runs the package."""
    status = BUSY


class NotSelfConsistent(Exception):
    """The engine's self-consistency cycle did not converge. Raised on all ranks together."""


class UnusableSettings(Exception):
    """The engine cannot calculate with the settings of the package; the message says why. Raised on all ranks together."""


# Further properties of a frame, if the engine returns them: eV, e Angstrom, Bohr magnetons.
PROPERTIES = ('homo', 'lumo', 'dipole', 'magmom', 'dispersion_energy')


def reason(error):
    """Returns one line about an error: the first line of its message, or the place where it was raised."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, UnusableSettings):
        return str(error)
    if lines:
        return f'{type(error).__name__}: {lines[0]}'
    frames = traceback.extract_tb(error.__traceback__)
    where = f' in {os.path.basename(frames[-1].filename)}, {frames[-1].name}' if frames else ''
    meant = {'LegacyGPAWError': 'this version of GPAW does not support these settings',
             'NotImplementedError': 'the engine does not support these settings',
             'AssertionError': 'the engine rejects the settings as contradictory'}.get(type(error).__name__)
    return f'{type(error).__name__}{where}' + (f': {meant}' if meant else '')


class Labels:
    """Energy (extrapolated to zero smearing), free energy, raw forces (N x 3), number of SCF cycles (or None) and further
    properties (see PROPERTIES) of one geometry."""

    def __init__(self, energy, free_energy, forces, cycles, properties=None):
        self.properties = dict(properties or {})
        self.energy, self.free_energy = float(energy), float(free_energy)
        self.forces, self.cycles = np.array(forces, float), None if cycles is None else int(cycles)


def on_rank_0(work, *arguments):
    """Runs `work` on rank 0 and returns its result on all ranks; if it fails, all ranks raise a refusal."""
    outcome = None
    if world.rank == 0:
        try:
            outcome = work(*arguments), None
        except Refusal as refusal:
            outcome = None, (str(refusal), refusal.status)
        except Exception as error:  # noqa: BLE001 - the other ranks wait for an answer, whatever the error
            outcome = None, (f'{type(error).__name__}: {error}', REFUSED)
    value, problem = broadcast(outcome, 0, world)
    if problem is not None:
        text, status = problem
        raise (Busy if status == BUSY else Refusal)(text)
    return value


def digest(path):
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


def write_atomically(path, data):
    """Replaces a file atomically and durably: a reader, also after a power failure, sees the old or the new content."""
    with open(path + '.part', 'wb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + '.part', path)
    folder = os.open(os.path.dirname(path) or '.', os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path, value, indent=2):
    write_atomically(path, (json.dumps(value, indent=indent) + '\n').encode())


def load_package():
    """Returns manifest and parameters of a complete, undamaged package."""
    if not os.path.exists('MANIFEST.json'):
        raise Refusal('MANIFEST.json is missing: the package is incomplete, copy it again')
    with open('MANIFEST.json') as file:
        manifest = json.load(file)
    if manifest.get('format') != FORMAT:
        raise Refusal(f'this script supports package format {FORMAT}, not {manifest.get("format")}')
    for name, sha256 in [(entry['name'], entry['sha256']) for entry in manifest['files'] if entry['role'] == 'input']:
        if not os.path.exists(name):
            raise Refusal(f'{name} is missing: the package is incomplete, copy it again')
        if digest(name) != sha256:
            raise Refusal(f'{name} differs from the file that was handed off (other SHA-256)')
    with open('parameters.json') as file:
        return manifest, json.load(file)


def counted(number, noun):
    """Formats a number with its noun: 1 step, 2 steps."""
    return f'{number} {noun}{"" if number == 1 else "s"}'


def read_hessian(name, count):
    """Returns the 3N x 3N matrix in the file `name`, which has the full matrix or 3 x 3 blocks of one triangle of it."""
    stored = np.load(name, allow_pickle=False)
    if stored.dtype.names is None:
        return stored.astype(float)
    if stored.dtype.names != ('row', 'column', 'block'):
        raise Refusal(f'{name} has the columns {", ".join(stored.dtype.names)}, not row, column, block')
    rows, columns, blocks = stored['row'], stored['column'], stored['block'].astype(float)
    if len(stored) and not (0 <= min(rows.min(), columns.min()) and max(rows.max(), columns.max()) < count):
        raise Refusal(f'{name} has a block of an atom that is not among the {count} atoms of the package')
    hessian = np.zeros((count, 3, count, 3))
    hessian[rows, :, columns, :] = blocks
    hessian[columns, :, rows, :] = blocks.transpose(0, 2, 1)
    return hessian.reshape(3 * count, 3 * count)


def load_hessian(name, floor, still, count):
    """Returns V |lambda| V^T of a Hessian, with each |lambda| at least `floor`.

    `name` is a file or the matrix itself. The fixed coordinates `still` are decoupled from the others."""
    hessian = name if isinstance(name, np.ndarray) else read_hessian(name, count)
    if hessian.shape != (3 * count, 3 * count) or not np.isfinite(hessian).all():
        raise Refusal(f'{name} is not a finite {3 * count} x {3 * count} matrix')
    hessian = (hessian + hessian.T) / 2
    hessian[still, :] = 0
    hessian[:, still] = 0
    hessian[still, still] = DEFAULT_CURVATURE
    values, vectors = np.linalg.eigh(hessian)
    return (vectors * np.maximum(np.abs(values), floor)) @ vectors.T


def settling(calls):
    """The gradients to spend on a lower energy if the forces were as small as requested after `calls` gradients."""
    return min(SETTLING, calls)


def taken_over(count):
    """Returns the number of frames after which BFGS took over from the learning relaxation; the first call records it."""
    path = os.path.join(RESULT, TAKEN_OVER)
    if os.path.exists(path):
        with open(path) as file:
            after = json.load(file)['after']
        if 0 < after <= count:
            return after
    write_json(path, {'after': count})
    return count


def learnt_frames(base, symbols):
    """Returns the labelled geometries of an earlier job, which are in the package."""
    if not base.get('frames'):
        return []
    frames = read(base['frames'], index=':', parallel=False)
    return [dict(symbols=list(atoms.symbols), positions=atoms.positions.tolist(), energy=float(atoms.get_potential_energy()),
                 forces=atoms.get_forces().tolist())
            for atoms in frames if sorted(atoms.symbols) == sorted(symbols)]


def noted_steps():
    """Truncates result/learning.jsonl to complete lines and returns their number."""
    path = os.path.join(RESULT, 'learning.jsonl')
    if not os.path.exists(path):
        return 0
    with open(path, 'rb') as file:
        data = file.read()
    whole = data[:data.rfind(b'\n') + 1]
    if len(whole) != len(data):
        write_atomically(path, whole)
    return whole.count(b'\n')


def earlier_processor_time():
    """Returns the processor time that earlier runs of this package have recorded, s."""
    try:
        with open(os.path.join(RESULT, 'progress.json')) as file:
            return float(json.load(file).get('processor_time') or 0)
    except (OSError, ValueError, TypeError, AttributeError):
        return 0.0


def base_engine(base, parameters, symbols, lattice=None, positions=None):
    """Returns a function that calculates energy and forces of the base at given positions."""
    if base['name'] not in ('GFN1-xTB', 'GFN2-xTB'):
        raise SteeringLost(f'{base["name"]} is not a base that this script supports')
    try:
        from tblite.ase import TBLite
    except ImportError as error:
        raise SteeringLost(f'the base {base["name"]} needs tblite, which this Python does not have: {error}') from error
    atoms = Atoms(symbols, np.zeros((len(symbols), 3)))
    if lattice is not None:
        atoms.set_cell(engine_cell(lattice, positions))
        atoms.pbc = True

    def begin():
        # Begins without the density of the previous geometry, because a resumed run does not have it.
        atoms.calc = TBLite(method=base['name'], charge=parameters['charge'], verbosity=0)

    def evaluate(positions):
        atoms.positions = positions
        return atoms.get_potential_energy(), atoms.get_forces()
    begin()
    evaluate.begin = begin
    return evaluate


class Lattice:
    """The cell of a periodic structure: lattice vectors as rows, Angstrom, and whether it repeats along each of them."""

    def __init__(self, rows, pbc):
        self.rows, self.pbc = np.array(rows, float), [bool(repeats) for repeats in pbc]

    @classmethod
    def of(cls, atoms):
        """Returns the cell of a structure; None for a molecule."""
        return cls(atoms.cell.array, atoms.pbc) if any(atoms.pbc) else None

    def opened(self, geometries, margin, whole=None):
        """Returns three things. First, lattice vectors whose open directions are normal to the others and long enough for
        `margin` Angstrom of empty space on both sides of all geometries; a length that must grow is rounded up to a
        multiple of `whole`. Second, the shift that centres the geometries along the open directions. Third, the original
        height of an open direction that was too low, or None."""
        rows, shift, low = self.rows.copy(), np.zeros(3), None
        for axis in range(3):
            if self.pbc[axis]:
                continue
            normal = self.normal(axis)
            heights = np.concatenate(geometries) @ normal
            given, needed = abs(rows[axis] @ normal), np.ptp(heights) + 2 * margin
            height = given
            if given < needed - 1e-6:
                height = needed if whole is None else np.ceil(needed / whole) * whole
                low = given
            rows[axis] = height * normal
            shift += (height / 2 - (heights.max() + heights.min()) / 2) * normal
        return rows, shift, low

    def normal(self, axis):
        """Returns a unit vector normal to the periodic directions, on the same side as the lattice vector of `axis`."""
        others = [k for k in range(3) if k != axis]
        along = [self.rows[k] for k in others if self.pbc[k]]
        if len(along) == 2:
            normal = np.cross(*along)
        else:
            # A wire repeats along one direction. The first open direction gets any normal of the wire, the second one
            # the normal of the wire and of the first.
            unit = along[0] / np.linalg.norm(along[0])
            first = np.eye(3)[np.argmin(abs(unit))]
            first = first - unit * (unit @ first)
            open_axes = [k for k in range(3) if not self.pbc[k]]
            normal = first if axis == open_axes[0] else np.cross(unit, first)
        normal = normal / np.linalg.norm(normal)
        return normal if normal @ self.rows[axis] >= 0 else -normal


def letters(lattice):
    """Returns the periodic directions as letters: TTF for a slab."""
    return ''.join('T' if repeats else 'F' for repeats in lattice.pbc)


def engine_cell(lattice, positions):
    """Returns the lattice vectors for an engine that repeats the cell in all directions, with at least 12 Angstrom of
    empty space along open directions."""
    geometries = [np.array(positions, float)]
    heights = [np.ptp(geometries[0] @ lattice.normal(axis)) for axis in range(3) if not lattice.pbc[axis]]
    # The height is rounded up to an integer, so that a resumed run has the same cell.
    margin = max((np.ceil(height + 12) - height) / 2 for height in heights) if heights else 0
    return lattice.opened(geometries, margin)[0]


def quoted(value):
    if isinstance(value, (bool, np.bool_)):
        return 'T' if value else 'F'
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return '"' + ' '.join(repr(float(number)) for number in value) + '"'
    return '"' + str(value).replace('\\', '\\\\').replace('"', '\\"') + '"'


def frame_text(symbols, positions, labels, fixed, info, fixed_coordinates=(), lattice=None):
    """Returns one extxyz frame. Numbers have all their digits, so that an optimiser can resume exactly. `labels` is None
    if there are no energy and forces."""
    width = 3 if len(fixed_coordinates) else 1 if fixed else 0
    columns = ('species:S:1:pos:R:3' + ('' if labels is None else ':forces:R:3')
               + (f':move_mask:L:{width}' if width else ''))
    keys = dict(info) if labels is None else dict(energy=labels.energy, free_energy=labels.free_energy, **info)
    words = [f'{key}={quoted(value)}' for key, value in keys.items() if value is not None]
    cell = '' if lattice is None else f'Lattice={quoted(lattice.rows.ravel().tolist())} '
    pbc = ' '.join('T' if repeats else 'F' for repeats in (lattice.pbc if lattice else [False] * 3))
    lines = [str(len(symbols)), f'{cell}Properties={columns} ' + ' '.join(words) + f' pbc="{pbc}"']
    still, held = set(fixed), set(fixed_coordinates)
    for index, symbol in enumerate(symbols):
        forces = [] if labels is None else labels.forces[index].tolist()
        numbers = ' '.join(f'{x!r}' for x in [*positions[index].tolist(), *forces])
        mask = ''.join(' F' if index in still or 3 * index + axis in held else ' T' for axis in range(width))
        lines.append(f'{symbol} {numbers}{mask}')
    return '\n'.join(lines) + '\n'


class Trajectory:
    """result/trajectory.extxyz. It grows by complete frames, and is truncated to complete frames when a run begins."""

    path = os.path.join(RESULT, 'trajectory.extxyz')

    def __init__(self, symbols, inputs):
        self.symbols, self.inputs = symbols, inputs

    def recover(self):
        """Returns the frames of earlier runs as a list of (positions, labels, wall time)."""
        if not os.path.exists(self.path):
            return []
        with open(self.path, 'rb') as file:
            lines = file.read().split(b'\n')[:-1]
        size = len(self.symbols) + 2
        whole = len(lines) // size
        frames = []
        for index in range(whole):
            part = lines[index * size:(index + 1) * size]
            try:
                frames.append(self.parse(part))
            except Refusal:
                raise
            except Exception:  # noqa: BLE001 - an incomplete frame and all frames after it are dropped
                break
        kept = b''.join(line + b'\n' for line in lines[:len(frames) * size])
        if len(kept) != os.path.getsize(self.path):
            write_atomically(self.path, kept)
        return frames

    def parse(self, lines):
        atoms = read(io.StringIO(b'\n'.join(lines).decode() + '\n'), format='extxyz', parallel=False)
        if atoms.info['inputs'] != self.inputs:
            raise Refusal(f'{self.path} belongs to another run ({atoms.info["inputs"]}): move {RESULT}/ away')
        if list(atoms.symbols) != self.symbols:
            raise ValueError('other atoms')
        results = atoms.calc.results
        cycles = atoms.info.get('scf_cycles')
        labels = Labels(results['energy'], results['free_energy'], results['forces'],
                        None if cycles is None else int(cycles),
                        {name: np.asarray(value, float).tolist() for name in PROPERTIES
                         for value in [results.get(name, atoms.info.get(name))] if value is not None})
        if not np.isfinite(labels.forces).all() or not np.isfinite(atoms.positions).all():
            raise ValueError('not finite')
        return atoms.positions, labels, float(atoms.info['wall_time'])

    def append(self, text):
        with open(self.path, 'ab') as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


class SteeringLost(Exception):
    """`aurelax steer` proposes no geometry; the message has the reason."""


class SteeringStopped(SteeringLost):
    """The run is to stop before its first gradient."""


class Steering:
    """`aurelax steer`, a child process of rank 0 that learns from each gradient and proposes the next geometry.

    Requests and answers are single lines of JSON. If the base is an engine, the child asks for energy and forces of the
    base before it answers.
    """

    protocol = 1
    # Longest wait for an answer of `aurelax steer`, seconds, and largest size of an answer, bytes.
    patience = 1800
    limit = 1 << 28

    def __init__(self, start, base, interrupted=lambda: False, tell=lambda evaluations: None):
        program = os.environ.get('AURELAX_PROGRAM') or shutil.which('aurelax')
        if not program:
            raise SteeringLost('aurelax is not installed here: neither AURELAX_PROGRAM nor PATH names it')
        self.base, self.interrupted, self.tell = base, interrupted, tell
        self.pending, self.evaluations = b'', 0
        try:
            self.child = subprocess.Popen([program, 'steer'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise SteeringLost(f'{program} cannot be started: {error}') from error
        # The answer has the Hessian of the base, and the geometry to begin with, if this is not the package's geometry.
        self.start = self.ask(dict(start, steer=self.protocol))
        if self.start.get('steer') != self.protocol:
            self.end()
            raise SteeringLost(f'{program} steer does not support version {self.protocol} of the protocol')
        self.interrupted, self.tell = lambda: False, lambda evaluations: None

    def ask(self, message):
        """Sends a message and returns the answer to it, after answering the child's requests for the base."""
        self.send(message)
        while True:
            answer = self.receive()
            if 'refused' in answer:
                self.end()
                raise SteeringLost(str(answer['refused'])[:300])
            if 'evaluate' not in answer:
                return answer
            if self.base is None:
                raise SteeringLost('aurelax steer asked for energy and forces of a base, but the relaxation has no base')
            try:
                energy, forces = self.base(np.array(answer['evaluate'], float))
            except Exception as error:  # noqa: BLE001 - any calculator, any failure
                self.end()
                raise SteeringLost(f'the base failed: {type(error).__name__}: {error}'[:300]) from error
            self.evaluations += 1
            self.send(dict(energy=float(energy), forces=np.asarray(forces, float).tolist()))

    def send(self, message):
        try:
            self.child.stdin.write((json.dumps(message, allow_nan=False) + '\n').encode())
            self.child.stdin.flush()
        except ValueError as error:
            self.end()
            raise SteeringLost(f'a number that is not finite cannot be sent to aurelax steer: {error}') from error
        except OSError as error:
            try:
                status = self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.end()
                raise SteeringLost(f'aurelax steer closed its input: {error}') from error
            raise SteeringLost(f'aurelax steer ended with status {status}') from error

    def receive(self):
        until = time.time() + self.patience
        while b'\n' not in self.pending:
            left = until - time.time()
            self.tell(self.evaluations)
            if self.interrupted():
                self.end()
                raise SteeringStopped('to stop before the first gradient')
            if left <= 0 or len(self.pending) > self.limit:
                self.end()
                raise SteeringLost(f'aurelax steer gave no answer within {self.patience} s')
            if not select.select([self.child.stdout], [], [], min(left, 5))[0]:
                continue
            part = os.read(self.child.stdout.fileno(), 1 << 16)
            if not part:
                status = self.child.wait()
                raise SteeringLost(f'aurelax steer ended with status {status}')
            self.pending += part
        line, self.pending = self.pending.split(b'\n', 1)
        try:
            answer = json.loads(line)
            if not isinstance(answer, dict):
                raise ValueError('expected a JSON object')
        except ValueError as error:
            self.end()
            raise SteeringLost(f'aurelax steer sent an answer that cannot be read: {error}') from error
        return answer

    def observe(self, positions, labels, propose=False, settle=False):
        """Sends one gradient and returns the answer. With `propose` the child proposes the next geometry, with `settle` only
        if it expects a much lower energy there."""
        if self.base is not None:
            self.base.begin()
        answer = self.ask(dict(positions=positions.tolist(), energy=labels.energy, forces=labels.forces.tolist(),
                               propose=propose, settle=settle))
        if propose or answer.get('positions') is not None:
            found = np.array(answer.get('positions', []), float)
            if found.shape != positions.shape or not np.isfinite(found).all():
                self.end()
                raise SteeringLost('aurelax steer proposed coordinates that are not finite, or not 3 coordinates per atom')
            answer['positions'] = found
        return answer

    def keep(self, path, name, level_of_theory, frames):
        """Makes the child write the gradients to a model file; returns their number, including those of earlier jobs."""
        return self.ask(dict(keep=dict(
            path=path, name=name, level_of_theory=level_of_theory,
            frames=[dict(positions=positions.tolist(), energy=labels.energy, forces=labels.forces.tolist())
                    for positions, labels, _ in frames]))).get('kept')

    def end(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


class Run:
    """The common part of all runs of a package: reading the package, signals, identity, and writing results."""

    def __init__(self, engine_class):
        self.begun = time.time()
        self.signal = None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, self.remember_signal)
        self.manifest, self.parameters = on_rank_0(load_package)
        ranks = os.environ.get('AURELAX_RANKS')
        if engine_class.uses_mpi and ranks and int(ranks) != world.size:
            raise Refusal(f'started as {ranks} processes, but the engine counts {world.size}: it was built with another MPI than '
                          'this mpiexec; set AURELAX_MPIEXEC to the right one, or AURELAX_RANKS=1')

    def remember_signal(self, number, _):
        self.signal = number

    # Whether result/STOP applies to this run.
    heeds_stop = True

    def stop_cause(self):
        """Returns the reason for stopping that this rank knows, or None."""
        if self.signal is not None:
            return f'stopped by {signal.Signals(self.signal).name}'
        if self.heeds_stop and os.path.exists(os.path.join(RESULT, 'STOP')):
            return f'stopped by {RESULT}/STOP'
        return 'cancelled' if os.path.exists('CANCELLED') else None

    def stop_reason(self):
        """Returns the reason for stopping between two steps, or None; the same on all ranks."""
        return broadcast(self.stop_cause(), 0, world)

    def identity(self):
        return {'job': self.manifest['job'], 'stage': self.manifest['stage'], 'attempt': self.manifest['attempt'],
                'inputs': self.manifest['inputs']}

    def frame_identity(self):
        """Returns the information that is written into every frame."""
        return dict(level_of_theory=self.engine.level_of_theory, charge=self.parameters['charge'],
                    **dict(self.identity(), inputs='sha256:' + self.manifest['inputs']))

    def say(self, text):
        if world.rank == 0:
            print(text, flush=True)

    def write_progress(self, state, message, **counts):
        write_json(os.path.join(RESULT, 'progress.json'),
                   dict(format=FORMAT, **self.identity(), state=state, message=message, **counts))

    def write_status(self, verdict, message, warnings, **counts):
        write_json(os.path.join(RESULT, 'status.json'), dict(
            format=FORMAT, **self.identity(), engine=self.engine.name, level_of_theory=self.engine.level_of_theory,
            charge=self.parameters['charge'], verdict=verdict, message=message, converged=verdict == 'converged',
            **counts, ranks=world.size, host=socket.gethostname(),
            versions=dict(python=platform.python_version(), ase=ase.__version__, numpy=np.__version__,
                          **self.engine.versions),
            finished=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()), warnings=warnings, units=UNITS))

    def write_marker(self, verdict, names):
        """Writes DONE.json; it is written last, so the files that it names are complete."""
        files = [{'name': name, 'size': os.path.getsize(os.path.join(RESULT, name)),
                  'sha256': digest(os.path.join(RESULT, name))} for name in names]
        write_json(os.path.join(RESULT, 'DONE.json'),
                   dict(format=FORMAT, **self.identity(), verdict=verdict, files=files))

    def read_marker(self):
        """Returns the result of an earlier run, or None."""
        marker = os.path.join(RESULT, 'DONE.json')
        if not os.path.exists(marker):
            return None
        with open(marker) as file:
            done = json.load(file)
        if done['inputs'] != self.manifest['inputs']:
            raise Refusal(f'{RESULT}/ belongs to another package: move it away')
        return done


class Relaxation(Run):
    """One run of the package, new or resumed."""

    def __init__(self, engine_class):
        super().__init__(engine_class)
        self.earlier = on_rank_0(self.prepare)
        if self.earlier is not None:
            return
        initial = on_rank_0(lambda: read('initial.extxyz', parallel=False))
        self.symbols, self.positions = list(initial.symbols), initial.positions.copy()
        self.lattice = Lattice.of(initial)
        self.fixed = self.parameters['fixed_atoms']
        self.free = np.setdiff1d(np.arange(len(self.symbols)), self.fixed)
        self.fixed_coordinates = self.parameters.get('fixed_coordinates', [])
        # True for each coordinate that keeps its value, N x 3.
        self.still = np.zeros((len(self.symbols), 3), bool)
        self.still[self.fixed] = True
        self.still.flat[self.fixed_coordinates] = True
        self.trajectory = Trajectory(self.symbols, 'sha256:' + self.manifest['inputs'])
        self.frames = on_rank_0(self.trajectory.recover)
        self.elapsed_before = self.frames[-1][2] if self.frames else 0.0
        self.processor_before = on_rank_0(earlier_processor_time) if self.frames else 0.0
        self.failed_calls = 0
        self.steering, self.steering_lost, self.steers_with = None, None, None
        self.stopped_early, self.base_notes, self.base_steps, self.hessian, self.base_told = False, [], None, None, 0.0
        self.noted = on_rank_0(noted_steps)
        if self.parameters['optimizer'].get('method') == 'learning':
            self.begin_learning()
        self.engine = engine_class(self.parameters, self.symbols, self.positions, lattice=self.lattice)
        self.warnings = list(self.engine.warnings) + self.base_notes

    def prepare(self):
        """Takes a lock, which is held until the process ends, so that no second process writes into the same files. Returns
        the verdict of an earlier run that need not be repeated, or None."""
        os.makedirs(RESULT, exist_ok=True)
        self.lock = open(os.path.join(RESULT, '.lock'), 'w')
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy('another process is running this package') from None
        except OSError as error:
            print(f'cannot lock {RESULT}/.lock ({error}); continuing without a lock', file=sys.stderr)
        done = self.read_marker()
        if done is not None and done['verdict'] in FINAL:
            return done['verdict']
        for name in ('DONE.json', 'status.json', 'STOP'):
            if os.path.exists(os.path.join(RESULT, name)):
                os.remove(os.path.join(RESULT, name))
        return None

    def run(self):
        """Takes steps until there is a verdict; returns the verdict and a message."""
        settings = self.parameters['optimizer']
        atoms = Atoms(self.symbols, self.positions)
        partly = np.setdiff1d(np.unique(np.array(self.fixed_coordinates, int) // 3), self.fixed)
        atoms.set_constraint(([FixAtoms(self.fixed)] if self.fixed else [])
                             + [FixCartesian(int(index), mask=self.still[index]) for index in partly])
        self.optimizer = None
        if self.stopped_early:
            return 'stopped', 'stopped before the first gradient; run it again to resume'
        if self.frames:
            atoms.positions = self.frames[-1][0]
            self.say(f'resuming after step {len(self.frames) - 1}')
        self.report('running', 'calculating the first geometry' if not self.frames else 'resuming')
        while True:
            step = len(self.frames)
            if not self.frames or not np.array_equal(atoms.positions, self.frames[-1][0]):
                try:
                    labels = self.engine.evaluate(atoms.positions)
                except NotSelfConsistent as error:
                    self.failed_calls += 1
                    return 'scf-not-converged', f'the self-consistency cycle of step {step} did not converge: {error}'
                except UnusableSettings as error:
                    self.failed_calls += 1
                    return 'engine-error', str(error)[:500]
                if not (np.isfinite(labels.energy) and np.isfinite(labels.forces).all()):
                    self.failed_calls += 1
                    return 'non-finite', f'energy or forces of step {step} are not finite'
                self.record(atoms.positions, labels)
            step = len(self.frames) - 1
            labels = self.frames[-1][1]
            fmax = self.fmax(labels)
            lower = broadcast(self.lower_geometry(labels), 0, world) if fmax < settings['fmax'] else None
            if fmax < settings['fmax'] and (lower is None or step >= settings['max_steps']):
                return 'converged', f'fmax {fmax:.4f} eV/Å is below {settings["fmax"]} eV/Å after {counted(step, "step")}'
            if step >= settings['max_steps']:
                return 'step-limit', f'fmax {fmax:.4f} eV/Å after the {counted(step, "step")} allowed'
            reason = self.stop_reason()
            if reason is not None:
                return 'stopped', f'{reason} after step {step}; run it again to resume'
            if lower is not None:
                atoms.set_positions(lower, apply_constraint=False)
                continue
            self.take_step(atoms, labels)
            atoms.set_positions(broadcast(atoms.get_positions(), 0, world), apply_constraint=False)
            if np.array_equal(atoms.positions, self.frames[-1][0]):
                return 'engine-error', f'the optimiser proposes no further move after step {step}'

    def take_step(self, atoms, labels):
        """Moves `atoms` to the geometry of the next gradient, proposed by `aurelax steer` if it runs, else by BFGS."""
        positions = broadcast(self.proposal(labels), 0, world)
        if positions is not None:
            atoms.set_positions(positions, apply_constraint=False)
            return
        if self.optimizer is None:
            self.optimizer, labels = self.make_bfgs(atoms)
        atoms.calc = SinglePointCalculator(atoms, energy=labels.energy, forces=labels.forces)
        self.optimizer.step()

    def make_bfgs(self, atoms):
        """Returns ASE's BFGS in the state after all steps so far, with the initial Hessian if there is one; and the labels
        of the frame from which it continues. After a learning relaxation, this is the frame of lowest energy."""
        optimizer = BFGS(atoms, logfile=None, maxstep=self.parameters['optimizer']['max_step'])
        hessian = self.parameters['hessian']
        if self.hessian is not None or hessian is not None:
            matrix = self.hessian if self.hessian is not None else hessian['file']
            floor = DEFAULT_FLOOR if hessian is None else hessian['floor']
            optimizer.H0 = on_rank_0(load_hessian, matrix, floor, np.flatnonzero(self.still), len(atoms))
        frames = [(positions, labels) for positions, labels, _ in self.frames]
        if self.parameters['optimizer'].get('method') == 'learning':
            after = on_rank_0(taken_over, len(frames))
            best = min(range(after), key=lambda index: frames[index][1].energy)
            frames = frames[:best] + frames[best + 1:after] + [frames[best]] + frames[after:]
        if len(frames) > 1:
            optimizer.replay_trajectory([self.image(positions, labels) for positions, labels in frames])
        atoms.positions = frames[-1][0]
        return optimizer, frames[-1][1]

    def begin_learning(self):
        """Starts the steering, and sets the first geometry and the base's Hessian from its answer or from an earlier run."""
        begun = on_rank_0(self.start_steering)
        self.stopped_early = begun.get('stopped', False)
        if begun.get('positions') is not None:
            self.positions = np.array(begun['positions'], float)
        if begun.get('hessian') is not None:
            self.hessian = np.array(begun['hessian'], float).reshape(3 * len(self.symbols), -1)
        self.base_steps = begun.get('base_steps')

    def start_steering(self):
        """Starts `aurelax steer` on rank 0 and sends it the frames of earlier runs. If it fails, BFGS takes the steps.

        If the structure is relaxed on the base first, or the base has a Hessian, both are saved in result/start.json
        before they are used, so that a resumed run reads them from there."""
        settings, hessian = self.parameters['optimizer'], self.parameters['hessian']
        base = dict(settings.get('base') or {'kind': 'none'})
        path = os.path.join(RESULT, 'start.json')
        begun = {}
        if os.path.exists(path):
            with open(path) as file:
                begun = json.load(file)
            self.base_notes += [begun['note']] if begun.get('note') else []
        try:
            evaluate = None
            if base['kind'] == 'engine' and not base.get('engine'):
                try:
                    evaluate = base_engine(base, self.parameters, self.symbols, self.lattice, self.positions)
                except SteeringLost as lost:
                    if not base.get('optional'):
                        raise
                    self.base_notes.append(f'relaxed without a base: {lost}')
                    base = {'kind': 'none'}
            matrix = begun.get('hessian')
            if matrix is None and hessian is not None and not (base.get('relax_first') and not self.frames):
                matrix = read_hessian(hessian['file'], len(self.symbols)).ravel().tolist()
            positions = begun.get('positions') or self.positions.tolist()
            self.steering = Steering(
                dict(symbols=self.symbols, positions=positions, fixed=self.fixed,
                     fixed_coordinates=list(self.fixed_coordinates), fmax=settings['fmax'],
                     max_step=settings.get('learning_max_step', settings['max_step']), hessian=matrix,
                     expected_fall=settings.get('expected_fall'),
                     charge=self.parameters['charge'],
                     cell=None if self.lattice is None else self.lattice.rows.tolist(),
                     pbc=None if self.lattice is None else self.lattice.pbc,
                     floor=None if hessian is None else hessian['floor'], base=base,
                     relax_first=bool(base.get('relax_first')) and not begun and not self.frames,
                     learnt=learnt_frames(base, self.symbols)),
                evaluate, lambda: self.stop_cause() is not None, lambda count: self.tell_base(base, count))
            said = self.steering.start
            if said.get('positions') is not None or said.get('hessian') is not None:
                begun = {key: said.get(key) for key in ('positions', 'hessian', 'base_steps', 'base_fmax', 'note')}
                if begun['positions'] is None:
                    begun['positions'] = positions
                write_json(path, begun, indent=None)
                self.base_notes += [begun['note']] if begun.get('note') else []
                if begun.get('base_steps') is not None:
                    self.say(f'relaxed on the base {base.get("name")}: {counted(begun["base_steps"], "step")}, fmax {begun["base_fmax"]:.3f} eV/Å')
            for index, (positions, labels, _) in enumerate(self.frames[:-1]):
                self.note_learning(index, self.steering.observe(positions, labels), None)
            self.steers_with = base.get('name') or 'none'
            lost_before = os.path.join(RESULT, TAKEN_OVER)
            if os.path.exists(lost_before):
                os.remove(lost_before)
        except SteeringStopped:
            return {'stopped': True}
        except SteeringLost as lost:
            self.lose_steering(lost)
        return begun

    def tell_base(self, base, evaluations):
        """Writes progress.json every ten seconds while the structure is relaxed on the base, which may take minutes."""
        now = time.time()
        if self.frames or now < self.base_told + 10:
            return
        self.base_told = now
        self.report('running', f'relaxing on the base {base.get("name")}'
                    + (f': {counted(evaluations, "gradient call")} of the base so far' if evaluations else ''))

    def proposal(self, labels):
        """Returns the geometry that `aurelax steer` proposes after the last frame, on rank 0; None if it does not run."""
        if self.steering is None:
            return None
        step = len(self.frames) - 1
        try:
            answer = self.steering.observe(self.frames[-1][0], labels, propose=True)
        except SteeringLost as lost:
            self.lose_steering(lost)
            return None
        if np.array_equal(answer['positions'], self.frames[-1][0]):
            self.keep_learnt()
            self.steering.end()
            self.lose_steering(f'no further move after step {step}')
            return None
        self.note_learning(step, answer, self.fmax(labels))
        return answer['positions']

    def lower_geometry(self, labels):
        """Returns a geometry where `aurelax steer` expects a much lower energy, although the forces are as small as
        requested, on rank 0; None if there is none.

        SETTLING says for how many gradients such a geometry is requested."""
        step = len(self.frames) - 1
        if self.steering is None:
            return None
        wanted = bool(self.parameters['optimizer'].get('expected_fall'))
        first = min(index for index, (_, seen, _) in enumerate(self.frames)
                    if self.fmax(seen) < self.parameters['optimizer']['fmax'])
        try:
            answer = self.steering.observe(self.frames[-1][0], labels, settle=wanted and bool(step < first + settling(first + 1)))
        except SteeringLost as lost:
            self.say(f'no geometry of lower energy was searched for: {lost}')
            self.steering = None
            return None
        self.note_learning(step, answer, self.fmax(labels))
        return answer.get('positions')

    def keep_learnt(self):
        """Writes result/learnt.aurelax-model, which a later job may use as its base: `base: learnt:JOB`."""
        if not self.frames:
            return
        try:
            self.steering.keep(os.path.join(RESULT, LEARNT), self.manifest['job'], self.engine.level_of_theory, self.frames)
        except SteeringLost as lost:
            self.say(f'{LEARNT} is not written: {lost}')

    def lose_steering(self, reason):
        self.steering = None
        self.steering_lost = f'{reason} (after step {len(self.frames) - 1})' if self.frames else str(reason)
        note = f'relaxed by BFGS, not by the learning relaxation: {self.steering_lost}'
        (self.base_notes if not hasattr(self, 'warnings') else self.warnings).append(note)
        self.say(note)

    def note_learning(self, step, answer, fmax):
        """Appends one line to result/learning.jsonl: the prediction for this gradient, the gradient, the next prediction."""
        if step < self.noted:
            return
        said = {key: value for key, value in answer.items() if key != 'positions'}
        line = json.dumps(dict(step=step, energy=self.frames[step][1].energy, fmax=self.fmax(self.frames[step][1]), **said))
        with open(os.path.join(RESULT, 'learning.jsonl'), 'a') as file:
            file.write(line + '\n')
        self.noted = step + 1
        if 'reason' in said:
            self.say(f'geometry of step {step + 1} ({said["method"]}): {said["reason"]}; expected energy '
                     f'{said.get("next_energy") or float("nan"):.4f} eV, fmax {said.get("next_fmax") or float("nan"):.3f} eV/Å')

    def optimizer_used(self):
        """Returns entries of status.json: the optimiser that took the steps, and the reason if it is not the requested one."""
        asked = self.parameters['optimizer'].get('method', 'bfgs')
        if asked != 'learning':
            return {'optimizer': 'bfgs'}
        used = 'learning' if self.steering_lost is None else 'learning, then bfgs' if self.noted else 'bfgs'
        return {'optimizer': used, 'base': self.steers_with, 'optimizer_note': self.steering_lost,
                'base_steps': self.base_steps}

    def image(self, positions, labels):
        """Returns a frame as the optimiser uses it, without forces along fixed coordinates."""
        atoms = Atoms(self.symbols, positions)
        forces = labels.forces.copy()
        forces[self.still] = 0
        atoms.calc = SinglePointCalculator(atoms, energy=labels.energy, forces=forces)
        return atoms

    def fmax(self, labels):
        forces = np.where(self.still, 0.0, labels.forces)
        return float(np.linalg.norm(forces[self.free], axis=1).max())

    def wall_time(self):
        return self.elapsed_before + time.time() - self.begun

    def processor_time(self):
        """Returns the processor time of all ranks, s, including earlier runs. All ranks are assumed to use as much as this
        one."""
        return self.processor_before + sum(os.times()[:4]) * world.size

    def record(self, positions, labels):
        """Keeps a frame in memory on all ranks; rank 0 writes it to the files."""
        self.frames.append((positions.copy(), labels, self.wall_time()))
        if world.rank != 0:
            return
        step, energy, fmax = len(self.frames) - 1, labels.energy, self.fmax(labels)
        self.trajectory.append(self.frame(step))
        with open(os.path.join(RESULT, 'optimizer.log'), 'a') as log:
            if log.tell() == 0:
                log.write('      %4s %8s %15s  %12s\n' % ('Step', 'Time', 'Energy', 'fmax'))
            log.write('%s:  %3d %s %15.6f %15.6f\n' % ('BFGS' if self.steering is None else 'Learning', step, time.strftime('%H:%M:%S'), energy, fmax))
        self.say(f'step {step}  energy {energy:.6f} eV  fmax {fmax:.4f} eV/Å  {self.wall_time():.0f} s')
        self.report('running', f'step {step}')

    def frame(self, index):
        positions, labels, wall_time = self.frames[index]
        info = dict(**self.frame_identity(), step=index, scf_cycles=labels.cycles, wall_time=round(wall_time, 3),
                    **labels.properties)
        return frame_text(self.symbols, positions, labels, self.fixed, info, self.fixed_coordinates, self.lattice)

    def counts(self):
        cycles = [labels.cycles for _, labels, _ in self.frames]
        return {
            'steps': max(len(self.frames) - 1, 0),
            'gradient_calls': len(self.frames) + self.failed_calls,
            'scf_cycles': None if None in cycles else sum(cycles),
            'wall_time': round(self.wall_time(), 3),
            'processor_time': round(self.processor_time(), 3),
            'energy': self.frames[-1][1].energy if self.frames else None,
            'fmax': self.fmax(self.frames[-1][1]) if self.frames else None,
        }

    def report(self, state, message):
        if world.rank == 0:
            self.write_progress(state, message, **self.counts())

    def finish(self, verdict, message):
        """Writes the results, on rank 0, and the marker last; a stopped run gets no marker, because it may be resumed."""
        if self.steering is not None:
            self.keep_learnt()
            self.steering.end()
        self.say(f'{verdict}: {message}')
        self.report(verdict, message)
        if world.rank != 0:
            return
        names = ['trajectory.extxyz', 'optimizer.log'] if self.frames else []
        if self.frames:
            write_atomically(os.path.join(RESULT, 'final.extxyz'), self.frame(len(self.frames) - 1).encode())
            names.append('final.extxyz')
            if verdict != 'converged':
                best = min(range(len(self.frames)), key=lambda index: self.frames[index][1].energy)
                write_atomically(os.path.join(RESULT, 'best.extxyz'), self.frame(best).encode())
                names.append('best.extxyz')
        self.write_status(verdict, message, self.warnings, **self.counts(),
                          fmax_limit=self.parameters['optimizer']['fmax'], **self.optimizer_used(),
                          hessian=self.parameters['hessian'] is not None,
                          properties=self.frames[-1][1].properties if self.frames else {})
        names.append('status.json')
        if verdict != 'stopped':
            self.write_marker(verdict, names)
        if verdict in FINAL and hasattr(self.engine, 'tidy'):
            self.engine.tidy()


def main(engine_class, run_class=Relaxation):
    """Runs the package in the current directory and returns the exit status."""
    # A locale that cannot print Å must not end a calculation.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors='replace')
    run = None
    try:
        run = run_class(engine_class)
        if run.earlier is not None:
            run.say(f'had already finished: {run.earlier}')
            return EXIT[run.earlier]
        verdict, message = run.run()
    except Refusal as refusal:
        if world.rank == 0:
            print(f'refused: {refusal}', file=sys.stderr, flush=True)
        return refusal.status
    except Exception as error:  # noqa: BLE001 - every end has a verdict
        if run is None:
            raise
        traceback.print_exc()
        run.finish('engine-error', reason(error)[:500])
        if world.size > 1:
            # The other ranks may be waiting for this one, so the engine's MPI must end them all. Ranks other than 0
            # wait first, so that rank 0, if it has failed too, has time to write the result.
            if world.rank != 0:
                time.sleep(5)
            raise
        return EXIT['engine-error']
    run.finish(verdict, message)
    return EXIT[verdict]
