"""Writes the frames of an extended XYZ file in another format, with ASE.

usage: write_structures.py INPUT FORMAT OUTPUT

FORMAT is ASE's name of the format; `db` adds rows to an ASE database (SQLite), where rows of the same job are
replaced. Energy and forces of a frame are those of the method that labelled it, so they become ASE's results. A
model's predictions (ml_energy, ml_forces, …) keep their own names and never become ASE's results. On success, prints
one line of JSON. Exit status 3: the file cannot be written; 4: ASE is missing. The last line on standard error gives
the reason.
"""
import json
import signal
import sys

# Ends this process if the program that waits for it, for 300 s, was killed.
signal.alarm(330)

try:
    import ase
    import ase.db
    import ase.io
    import numpy
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(4)


def plain(value):
    if isinstance(value, numpy.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, numpy.generic) else value


def is_number(text):
    try:
        float(text)
        return True
    except ValueError:
        return text.lower() in ("true", "false", "yes", "no", "on", "off", "nan", "inf")


def row(atoms):
    """Returns the values of a database row other than structure, energy and forces: keys to select by, and other data."""
    keys, data = {}, {}
    for name, value in atoms.info.items():
        value = plain(value)
        if isinstance(value, (bool, int, float)) and name.isidentifier():
            keys[name] = value
        elif isinstance(value, str) and value and name.isidentifier():
            # ASE refuses a text value that can be read as a number.
            keys[name] = f"'{value}'" if is_number(value) else value
        else:
            data[name] = value
    for name, values in atoms.arrays.items():
        if name not in ("numbers", "positions"):
            data[name] = plain(values)
    # The database reserves these names.
    for name in ("energy", "forces", "free_energy", "charge", "id", "unique_id", "formula", "mass", "natoms"):
        if name in keys:
            keys["job_" + name] = keys.pop(name)
    return keys, data


def database(frames, path):
    connection = ase.db.connect(path, type="db")
    with connection:
        jobs = {row(atoms)[0].get("job") for atoms in frames} - {None}
        for job in jobs:
            connection.delete([old.id for old in connection.select(job=job)])
        for atoms in frames:
            keys, data = row(atoms)
            kept = ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc, constraint=atoms.constraints)
            kept.calc = atoms.calc
            connection.write(kept, key_value_pairs=keys, data=data)


def portable(atoms):
    """Moves further columns to `info`, because ASE's trajectory format keeps `info` but no further columns."""
    for name in list(atoms.arrays):
        if name not in ("numbers", "positions"):
            atoms.info[name] = plain(atoms.arrays.pop(name))
    return atoms


def main():
    source, kind, target = sys.argv[1:4]
    frames = ase.io.read(source, index=":", format="extxyz")
    try:
        if kind == "db":
            database(frames, target)
        elif kind == "traj":
            ase.io.write(target, [portable(atoms) for atoms in frames], format=kind)
        else:
            ase.io.write(target, frames if len(frames) > 1 else frames[0], format=kind)
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        print(f"{type(error).__name__}: {text}" if text else type(error).__name__, file=sys.stderr)
        sys.exit(3)
    print(json.dumps({"ase": ase.__version__, "frames": len(frames), "written": len(frames)}))


main()
