"""Relaxes the structure of this package with an engine of the spool, or computes single points for single_points.py.

parameters.json defines the engine: either an ASE calculator, which is called in this process, or a program, which
connects to a socket and speaks the protocol of i-PI.

    python engine_relax.py
"""
import os
import sys

# This folder comes last, so that a file in it cannot shadow a module of Python or of the engine.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != HERE] + [HERE]

import atexit  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402

import numpy as np  # noqa: E402
from ase.calculators.socketio import IPIProtocol, SocketClosed  # noqa: E402
from ase.data import atomic_masses, atomic_numbers  # noqa: E402

import engine_peer  # noqa: E402
import relaxation  # noqa: E402

# Longest time until a program connects, seconds.
START = 600


def filled(text, values):
    """Replaces the words of `values` in braces, and leaves other braces unchanged."""
    for key, value in values.items():
        text = text.replace('{' + key + '}', str(value))
    return text


class Box:
    """The cell that the engine repeats.

    For a periodic structure it is the structure's cell with empty space along the open directions, for a molecule a box
    around all geometries. A molecule has no box if the engine's definition has no `vacuum`."""

    def __init__(self, vacuum, geometries, lattice=None):
        self.rows, self.corner = None, np.zeros(3)
        if lattice is not None:
            self.rows = relaxation.engine_cell(lattice, geometries[0])
        elif vacuum is not None:
            low, high = np.min(np.vstack(geometries), axis=0), np.max(np.vstack(geometries), axis=0)
            self.rows, self.corner = np.diag(high - low + 2 * vacuum), low - vacuum

    def is_skewed(self):
        return self.rows is not None and abs(self.rows - np.diag(np.diag(self.rows))).max() > 1e-6


class Calculator:
    """An ASE calculator in this process."""

    def __init__(self, definition, parameters, symbols, box):
        target = definition['ase']
        if target.startswith('calculator.py:'):
            target = os.path.join(HERE, target)
        calculation = engine_peer.Calculation(
            target, json.loads(definition['arguments']), definition.get('passing'), definition.get('level'))
        charge, multiplicity = parameters['charge'], definition.get('multiplicity')
        self.warnings = []
        if calculation.passing == 'none' and (charge or multiplicity not in (None, 1)):
            self.warnings.append(f'the engine does not support charge ({charge}) and multiplicity, so its forces '
                                 'are those of the neutral system')
        self.atoms = calculation.atoms(symbols, charge, multiplicity)
        self.box = box
        if box.rows is not None:
            self.atoms.set_cell(box.rows)
            self.atoms.pbc = True
        checkpoint = f' checkpoint sha256:{calculation.checkpoint}' if calculation.checkpoint else ''
        given = definition.get('level')
        self.version = calculation.version
        self.level = (f'{given}, {self.version}' if given else calculation.level_of_theory) + checkpoint

    def evaluate(self, positions):
        self.atoms.positions = positions - self.box.corner
        return self.atoms.get_potential_energy(), self.atoms.get_forces()


class Program:
    """A program that connects to a socket. It is started for the first geometry and ends with this process."""

    def __init__(self, definition, parameters, symbols, box):
        self.definition, self.parameters, self.symbols, self.box = definition, parameters, symbols, box
        self.warnings = []
        self.template = ''
        if definition.get('input'):
            with open(os.path.join(HERE, definition['input'])) as file:
                self.template = file.read()
        digest = hashlib.sha256(self.template.encode()).hexdigest()
        self.version = f'{os.path.basename(definition["command"][0])} input sha256:{digest}'
        given = definition.get('level')
        self.level = f'{given}, {self.version}' if given else self.version
        self.process, self.protocol, self.folder = None, None, None
        atexit.register(self.end)

    def start(self, positions):
        self.folder = tempfile.mkdtemp(prefix='aurelax-engine-')
        words = ' '.join(self.definition['command']) + self.template
        name = 'aurelax-' + os.path.basename(self.folder)[-8:]
        values = {'host': '127.0.0.1', 'name': name, 'socket': os.path.join(self.folder, 'socket'),
                  'structure': os.path.join(self.folder, 'structure.xyz'), 'input': os.path.join(self.folder, 'input')}
        if '{port}' in words:
            listener = socket.socket(socket.AF_INET)
            listener.bind(('127.0.0.1', 0))
            values['port'] = listener.getsockname()[1]
        else:
            listener = socket.socket(socket.AF_UNIX)
            path = f'/tmp/ipi_{name}' if '{name}' in words else values['socket']
            listener.bind(path)
            os.chmod(path, 0o600)
            atexit.register(lambda: os.path.exists(path) and os.remove(path))
        listener.listen(1)
        rows = self.box.rows if self.box.rows is not None else np.zeros((3, 3))
        if self.box.is_skewed() and '{cell}' not in words:
            raise relaxation.UnusableSettings(
                'the cell is not right-angled, but neither command nor input of the engine has the word {cell} for the '
                'three lattice vectors')
        lengths = np.linalg.norm(rows, axis=1)
        lines = ''.join(f'{symbol} {x!r} {y!r} {z!r}\n' for symbol, (x, y, z) in
                        zip(self.symbols, (positions - self.box.corner).tolist()))
        species = ''
        for symbol in dict.fromkeys(self.symbols):
            number = atomic_numbers[symbol]
            species += filled(self.definition.get('species') or '{symbol} {mass}',
                              {'symbol': symbol, 'mass': atomic_masses[number], 'number': number}) + '\n'
        values['cell'] = ''.join(f'{x!r} {y!r} {z!r}\n' for x, y, z in rows.tolist())
        values.update(a=lengths[0], b=lengths[1], c=lengths[2], charge=self.parameters['charge'],
                      multiplicity=self.definition.get('multiplicity') or 1, natoms=len(self.symbols),
                      nspecies=len(set(self.symbols)), positions=lines, species=species)
        with open(values['structure'], 'w') as file:
            file.write(f'{len(self.symbols)}\n\n{lines}')
        with open(values['input'], 'w') as file:
            file.write(filled(self.template, values))
        log = open(os.path.join(HERE, relaxation.RESULT, 'engine.log'), 'ab')
        # PYTHONSAFEPATH protects this script from modules in the package's folder; the engine's program does not need
        # it.
        environment = {key: value for key, value in os.environ.items() if key != 'PYTHONSAFEPATH'}
        self.process = subprocess.Popen([filled(word, values) for word in self.definition['command']], cwd=self.folder,
                                        env=environment,
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        listener.settimeout(1)
        until = time.time() + START
        while True:
            try:
                connection, _ = listener.accept()
                break
            except socket.timeout:
                status = self.process.poll()
                if status is not None:
                    raise OSError(f'the program ended with status {status} before it connected; the end of its '
                                  'output is in result/engine.log') from None
                if time.time() > until:
                    raise OSError(f'the program did not connect within {START} s') from None
        listener.close()
        connection.settimeout(self.definition['timeout'])
        self.protocol = IPIProtocol(connection)

    def evaluate(self, positions):
        if self.protocol is None:
            self.start(positions)
        cell = self.box.rows if self.box.rows is not None else np.zeros((3, 3))
        try:
            answer = self.protocol.calculate(positions - self.box.corner, cell)
        except (SocketClosed, BrokenPipeError, ConnectionResetError) as error:
            status = self.process.wait(10)
            raise OSError(f'the program ended with status {status} during a calculation; the end of its output '
                          'is in result/engine.log') from error
        except socket.timeout as error:
            raise OSError(f'the program sent no answer within {self.definition["timeout"]:g} s') from error
        if answer['forces'].shape != positions.shape:
            raise OSError(f'the program sent forces for {len(answer["forces"])} atoms, not {len(positions)}')
        return answer['energy'], answer['forces']

    def end(self):
        if self.process is None:
            return
        try:
            self.protocol.end()
            self.process.wait(5)
        except Exception:  # noqa: BLE001 - the program must end in any state
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)


class Engine:
    """Single points with an engine of the spool."""

    uses_mpi = False

    def __init__(self, parameters, symbols, positions, others=(), lattice=None):
        """If the engine needs a box, it contains `positions` and those of `others`; a periodic structure has a cell."""
        definition = parameters['definition']
        self.name = definition['name']
        source = Calculator if definition.get('ase') else Program
        box = Box(definition.get('vacuum'), [positions, *others], lattice)
        self.source = source(definition, parameters, symbols, box)
        self.level_of_theory = f'{self.source.level} (engine {self.name})'
        self.versions = {self.name: self.source.version}
        self.warnings = list(self.source.warnings)
        if definition['kind'] == 'semiempirical':
            self.warnings.append(f'{self.name} is a semi-empirical method, not DFT')

    def evaluate(self, positions):
        energy, forces = self.source.evaluate(np.array(positions))
        return relaxation.Labels(energy, energy, forces, None)


if __name__ == '__main__':
    sys.exit(relaxation.main(Engine))
