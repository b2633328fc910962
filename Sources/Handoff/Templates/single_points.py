"""Computes energy and forces of every geometry of one package (see README.md).

Reads MANIFEST.json, parameters.json and frames.extxyz. Each point is written to a separate file,
result/points/0001.extxyz and so on; the process that completes the set writes result/trajectory.extxyz, status.json
and, last, DONE.json. All points are calculated in turn with one calculator; with AURELAX_POINT only that point is
calculated. Any number of processes may work in one package, because a point belongs to the process that holds its
lock, and the lock ends with the process. A point that could not be calculated is a result, too.
"""
import os
import sys

# This folder comes last, so that a file in it cannot shadow a module of Python or of the engine.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != HERE] + [HERE]

import contextlib  # noqa: E402
import fcntl  # noqa: E402
import importlib  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import time  # noqa: E402
import traceback  # noqa: E402

import numpy as np  # noqa: E402
from ase.io import read  # noqa: E402
from ase.parallel import world  # noqa: E402

from relaxation import (EXIT, RESULT, Busy, Lattice, NotSelfConsistent, Refusal, Run, UnusableSettings, frame_text,  # noqa: E402
                        main, on_rank_0, reason, write_atomically)

POINTS = os.path.join(RESULT, 'points')
# If points fail, the verdict of the set is the first verdict in this list that one of the points has.
FAILURES = ('engine-error', 'non-finite', 'scf-not-converged')


class Point:
    """A point that has been computed, or could not be."""

    def __init__(self, text):
        atoms = read(io.StringIO(text), format='extxyz', parallel=False)
        self.text, self.positions, info = text, atoms.positions, atoms.info
        self.inputs, self.level_of_theory, self.verdict = info['inputs'], info['level_of_theory'], info['verdict']
        self.step, self.cycles, self.wall_time = int(info['step']), info.get('scf_cycles'), float(info['wall_time'])
        if (self.verdict == 'converged') != (atoms.calc is not None and 'forces' in atoms.calc.results):
            raise ValueError('verdict and forces contradict each other')


@contextlib.contextmanager
def locked(path, wait=True):
    """Takes a lock that ends with the process at the latest; gives False if another process holds it."""
    with open(path, 'w') as file:
        held = True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            held = False
        except OSError as error:
            print(f'cannot lock {path} ({error}); continuing without a lock', file=sys.stderr)
        yield held


class SinglePoints(Run):
    def __init__(self, engine_class):
        super().__init__(engine_class)
        self.engine_class = engine_class
        self.symbols, self.geometries, self.steps, self.lattice = on_rank_0(self.read_frames)
        self.count = len(self.geometries)
        # Numbers of the points that are known to be finished.
        self.seen = set()
        self.number = on_rank_0(self.asked_for)
        # A process that calculates one point cannot stop before its end.
        self.heeds_stop = self.number is None
        self.make_engine()
        self.earlier = on_rank_0(self.prepare)

    def read_frames(self):
        frames = read('frames.extxyz', index=':', parallel=False)
        return (list(frames[0].symbols), [frame.positions for frame in frames],
                [int(frame.info['step']) for frame in frames], Lattice.of(frames[0]))

    def asked_for(self):
        """Returns the number of the point that this process computes; None for all points."""
        text = os.environ.get('AURELAX_POINT', '')
        if text and not (text.isdecimal() and 1 <= int(text) <= self.count):
            raise Refusal(f'AURELAX_POINT is {text!r}; expected the number of a point, 1 to {self.count}')
        return int(text) if text else None

    def make_engine(self):
        """Makes a new calculator without data of earlier points, in the box that all geometries share."""
        self.engine = self.engine_class(self.parameters, self.symbols, self.geometries[0], self.geometries[1:],
                                        lattice=self.lattice)
        # Several processes may work here, each on another point, so none saves a density.
        self.engine.density = None
        if self.number is not None:
            self.engine.log = os.path.join('points', f'{self.number:04d}.gpaw.txt')

    def path(self, number):
        return os.path.join(POINTS, f'{number:04d}.extxyz')

    def prepare(self):
        """Returns the verdict of an earlier run that need not be repeated, or None. If all points are calculated in turn,
        the failed points of an earlier run are deleted, so that they are calculated again."""
        os.makedirs(POINTS, exist_ok=True)
        if self.number is not None:
            point = self.point(self.number)
            if point is not None:
                self.conclude()
            return None if point is None else point.verdict
        with locked(os.path.join(RESULT, '.lock')):
            done = self.read_marker()
            if done is not None and done['verdict'] == 'converged':
                return done['verdict']
            if done is not None:
                os.remove(os.path.join(RESULT, 'DONE.json'))
                for number in range(1, self.count + 1):
                    point = self.point(number)
                    if point is not None and point.verdict != 'converged':
                        os.remove(self.path(number))
            if os.path.exists(os.path.join(RESULT, 'STOP')):
                os.remove(os.path.join(RESULT, 'STOP'))
        return None

    def point(self, number):
        """Returns a point, or None if its file is missing or cannot be read. A point of another run is refused."""
        try:
            with open(self.path(number), 'rb') as file:
                point = Point(file.read().decode())
        except FileNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001 - an unreadable file: the point is calculated again
            print(f'{self.path(number)} cannot be read as a point ({error}); the point is calculated again', file=sys.stderr)
            return None
        if point.inputs != 'sha256:' + self.manifest['inputs'] or not np.array_equal(
                point.positions, self.geometries[number - 1]):
            raise Refusal(f'{self.path(number)} belongs to another run ({point.inputs}): move {RESULT}/ away')
        if point.level_of_theory != self.engine.level_of_theory:
            raise Refusal(f'{self.path(number)} was calculated with {point.level_of_theory}, but this run uses '
                          f'{self.engine.level_of_theory}: move {RESULT}/ away to calculate all points again')
        return point

    def run(self):
        while True:
            reason = self.stop_reason()
            if reason is not None:
                return 'stopped', f'{reason}; run it again to calculate the remaining points'
            if self.next_point() is None or self.number is not None:
                break
        ended = on_rank_0(self.conclude)
        if self.number is not None:
            verdict = on_rank_0(lambda: self.point(self.number).verdict)
            return verdict, f'point {self.number} of {self.count}'
        return ended or ('stopped', 'other processes compute the remaining points')

    def next_point(self):
        """Calculates the first missing point that no other process has; returns its verdict, or None if there is none."""
        with contextlib.ExitStack() as held:
            number = on_rank_0(self.claim, held)
            if number is None:
                return None
            begun = time.time()
            labels = None
            failure = None
            try:
                labels = self.engine.evaluate(self.geometries[number - 1])
                verdict, message = 'converged', None
                if not (np.isfinite(labels.energy) and np.isfinite(labels.forces).all()):
                    labels, verdict, message = None, 'non-finite', 'energy or forces are not finite'
            except NotSelfConsistent as error:
                verdict, message = 'scf-not-converged', f'the self-consistency cycle did not converge: {error}'
            except Exception as error:  # noqa: BLE001 - the other points do not depend on this one
                traceback.print_exc()
                verdict, message = 'engine-error', reason(error)[:500]
                failure = None if isinstance(error, UnusableSettings) else error
            if world.rank == 0:
                seconds = time.time() - begun
                cycles = None if labels is None else labels.cycles
                info = dict(**self.frame_identity(), point=number, step=self.steps[number - 1], verdict=verdict,
                            message=message, scf_cycles=cycles, wall_time=round(seconds, 3),
                            **({} if labels is None else labels.properties))
                text = frame_text(self.symbols, self.geometries[number - 1], labels, [], info, lattice=self.lattice)
                write_atomically(self.path(number), text.encode())
                told = message or (f'energy {labels.energy:.6f} eV  '
                                   f'fmax {np.linalg.norm(labels.forces, axis=1).max():.4f} eV/Å')
                self.say(f'point {number} of {self.count} (step {self.steps[number - 1]})  {told}  {seconds:.0f} s')
                self.conclude()
        if failure is not None and world.size > 1:
            # The other ranks may be waiting for this one, so the engine's MPI must end them all.
            raise failure
        if verdict != 'converged':
            self.make_engine()
        return verdict

    def claim(self, held):
        """Locks a missing point and returns its number; None if there is none."""
        for number in [self.number] if self.number is not None else range(1, self.count + 1):
            if number in self.seen or self.point(number) is not None:
                self.seen.add(number)
                continue
            lock = locked(os.path.join(POINTS, f'.{number:04d}.lock'), wait=False)
            if lock.__enter__():
                held.push(lock.__exit__)
                # The previous holder of the lock may have finished the point.
                if self.point(number) is None:
                    return number
            elif self.number is not None:
                raise Busy(f'another process is running this package: point {number}')
            else:
                lock.__exit__(None, None, None)
        return None

    def conclude(self):
        """Reports how many points are finished. If all are, writes the files of the set, once.

        Returns the verdict on the set and a message; None while the set is incomplete.
        """
        with locked(os.path.join(RESULT, '.lock')):
            if self.read_marker() is not None:
                with open(os.path.join(RESULT, 'status.json')) as file:
                    status = json.load(file)
                return status['verdict'], status['message']
            there = sum(os.path.exists(self.path(number)) for number in range(1, self.count + 1))
            points = [self.point(number) for number in range(1, self.count + 1)] if there == self.count else [None]
            if None in points:
                self.progress('running', f'{there} of {self.count} points', there)
                return None
            verdict, message = self.verdict(points)
            write_atomically(os.path.join(RESULT, 'trajectory.extxyz'), ''.join(p.text for p in points).encode())
            cycles = [point.cycles for point in points]
            self.write_status(verdict, message, list(self.engine.warnings), points=self.count,
                              steps=0, gradient_calls=self.count,
                              scf_cycles=None if None in cycles else sum(int(n) for n in cycles),
                              wall_time=round(sum(point.wall_time for point in points), 3))
            self.progress(verdict, message, there)
            self.write_marker(verdict, ['trajectory.extxyz', 'status.json'])
            return verdict, message

    def verdict(self, points):
        failed = [point for point in points if point.verdict != 'converged']
        if not failed:
            return 'converged', f'all {self.count} points calculated'
        verdict = next(word for word in FAILURES if any(point.verdict == word for point in failed))
        steps = ', '.join(f'{point.step} ({point.verdict})' for point in failed[:5])
        more = f' and {len(failed) - 5} more' if len(failed) > 5 else ''
        return verdict, f'{self.count - len(failed)} of {self.count} points calculated; missing: steps {steps}{more}'

    def progress(self, state, message, there):
        self.write_progress(state, message, steps=there, gradient_calls=there, scf_cycles=None,
                            wall_time=round(time.time() - self.begun, 3), energy=None, fmax=None)

    def finish(self, verdict, message):
        """Prints the verdict; the files have been written with the last point."""
        self.say(f'{verdict}: {message}')


if __name__ == '__main__':
    with open('parameters.json') as settings:
        engine = json.load(settings)['engine']
    if not os.path.exists(os.path.join(HERE, f'{engine}_relax.py')):
        engine = 'engine'
    sys.exit(main(importlib.import_module(f'{engine}_relax').Engine, SinglePoints))
