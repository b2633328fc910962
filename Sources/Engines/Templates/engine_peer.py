"""Serves any ASE calculator through a socket with the i-PI protocol.

    python engine_peer.py FOLDER

FOLDER holds request.json (calculator, arguments, kind) and the UNIX socket `socket` on which aurelax listens. Writes
identity.json, or failure.json where the calculator cannot be made, before it connects. The driver's INIT brings the
elements, charge and multiplicity as JSON. Units on the wire: Hartree and Bohr.
"""
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
import socket
import struct
import sys

import numpy as np
from ase import Atoms
from ase.units import Bohr, Hartree

# Calculators that take charge and multiplicity as keyword arguments, and calculators that read them from
# atoms.info.
KEYWORDS = ('tblite.ase',)
INFO = ('fairchem', 'orb_models', 'mace')


def write_json(path, value):
    with open(path + '.part', 'w') as file:
        json.dump(value, file)
    os.replace(path + '.part', path)


def factory(target):
    """The class or function that `module:name`, or `file.py:name`, stands for; and its top-level module."""
    module, _, name = target.rpartition(':')
    if module.endswith('.py'):
        spec = importlib.util.spec_from_file_location('aurelax_engine', module)
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
    else:
        loaded = importlib.import_module(module)
    for part in name.split('.'):
        loaded = getattr(loaded, part)
    return loaded, module


def version_of(module):
    """`package version` of the distribution that a module belongs to."""
    if module.endswith('.py'):
        with open(module, 'rb') as file:
            return f'{os.path.basename(module)} sha256:{hashlib.sha256(file.read()).hexdigest()}'
    top = module.split('.')[0]
    names = importlib.metadata.packages_distributions().get(top, [top])
    try:
        return f'{names[0]} {importlib.metadata.version(names[0])}'
    except importlib.metadata.PackageNotFoundError:
        return top


class Opened:
    """Remembers the files that are opened for reading: the checkpoints are among them."""

    def __init__(self):
        self.paths = []
        sys.addaudithook(self.hook)

    def hook(self, event, arguments):
        if event == 'open' and isinstance(arguments[0], str):
            self.paths.append(arguments[0])

    def checkpoints(self):
        """SHA-256 of the largest file of weights that was read; None if there was none."""
        endings = ('.pth', '.pt', '.tar', '.model', '.ckpt', '.pb', '.yace', '.json', '.npz', '.safetensors')
        found = {path for path in self.paths if path.endswith(endings) and os.path.isfile(path)}
        weights = [path for path in found if os.path.getsize(path) > 100_000]
        if not weights:
            return None
        with open(max(weights, key=os.path.getsize), 'rb') as file:
            return hashlib.sha256(file.read()).hexdigest()


class Calculation:
    """An ASE calculator, told charge and multiplicity in the way it wants, with its identity."""

    def __init__(self, target, arguments, passing=None, level=None):
        self.arguments = arguments
        opened = Opened()
        self.make, module = factory(target)
        self.passing = passing or (
            'keywords' if module.startswith(KEYWORDS) else 'info' if module.startswith(INFO) else 'none')
        # A calculator that takes the charge as a keyword is made when the charge is known.
        self.calculator = None if self.passing == 'keywords' else self.make(**arguments)
        self.version, self.checkpoint = version_of(module), opened.checkpoints()
        shown = ' '.join(f'{key}={value}' for key, value in sorted(arguments.items()))
        self.level_of_theory = level or f'{self.version} {shown}'.strip()

    @property
    def identity(self):
        return {'version': self.version, 'checkpoint': self.checkpoint, 'passing': self.passing,
                'level_of_theory': self.level_of_theory}

    def atoms(self, symbols, charge, multiplicity):
        """Atoms with the calculator."""
        atoms = Atoms(symbols, np.zeros((len(symbols), 3)))
        if self.passing == 'keywords':
            arguments = dict(self.arguments, charge=charge)
            if multiplicity is not None:
                arguments['multiplicity'] = multiplicity
            self.calculator = self.make(**arguments)
        else:
            atoms.info.update(charge=charge, spin=multiplicity or 1)
        atoms.calc = self.calculator
        return atoms


class Peer:
    def __init__(self, folder):
        with open(os.path.join(folder, 'request.json')) as file:
            request = json.load(file)
        self.calculation = Calculation(
            request['ase'], request['arguments'], request.get('charge'), request.get('level_of_theory'))
        write_json(os.path.join(folder, 'identity.json'), self.calculation.identity)
        self.atoms = None
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(folder, 'socket'))

    def receive(self, count):
        data = bytearray()
        while len(data) < count:
            part = self.socket.recv(min(count - len(data), 1 << 20))
            if not part:
                sys.exit(0)
            data += part
        return bytes(data)

    def numbers(self, count):
        return np.frombuffer(self.receive(8 * count), float)

    def integer(self):
        return struct.unpack('=i', self.receive(4))[0]

    def tell(self, message, *parts):
        self.socket.sendall(message.encode().ljust(12) + b''.join(parts))

    def evaluate(self):
        cell = self.numbers(9).reshape(3, 3).T * Bohr
        self.receive(72)
        positions = self.numbers(3 * self.integer()).reshape(-1, 3) * Bohr
        if len(positions) != len(self.atoms):
            raise ValueError(f'{len(positions)} positions for {len(self.atoms)} atoms')
        self.atoms.positions = positions
        volume = abs(np.linalg.det(cell))
        periodic = volume > 1e-9
        if periodic:
            self.atoms.set_cell(cell)
        self.atoms.pbc = periodic
        energy, forces = self.atoms.get_potential_energy(), self.atoms.get_forces()
        virial = np.zeros((3, 3))
        if periodic:
            try:
                virial = -volume * self.atoms.get_stress(voigt=False)
            except Exception as error:  # noqa: BLE001 - many calculators have no stress; only forces are required
                print(f'no stress: {error}', file=sys.stderr)
        return float(energy), np.asarray(forces, float), virial

    def serve(self):
        result = None
        while True:
            message = self.receive(12).decode().strip()
            if message == 'STATUS':
                self.tell('NEEDINIT' if self.atoms is None else 'READY' if result is None else 'HAVEDATA')
            elif message == 'INIT':
                self.integer()
                told = json.loads(self.receive(self.integer()))
                self.atoms = self.calculation.atoms(told['symbols'], told['charge'], told['multiplicity'])
            elif message == 'POSDATA':
                result = self.evaluate()
            elif message == 'GETFORCE':
                energy, forces, virial = result
                self.tell('FORCEREADY', struct.pack('=di', energy / Hartree, len(forces)),
                          (forces * Bohr / Hartree).tobytes(), (virial.T / Hartree).tobytes(), struct.pack('=i', 1),
                          b'\0')
                result = None
            elif message == 'EXIT':
                return
            else:
                raise ValueError(f'unknown message {message!r}')


if __name__ == '__main__':
    try:
        peer = Peer(sys.argv[1])
    except Exception as error:  # noqa: BLE001 - any error must be reported to the user
        write_json(os.path.join(sys.argv[1], 'failure.json'), {'message': f'{type(error).__name__}: {error}'})
        raise
    peer.serve()
