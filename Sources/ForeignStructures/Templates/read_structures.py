"""Reads a structure file with ASE and writes it as extended XYZ.

usage: read_structures.py INPUT FORMAT OUTPUT all|last|NUMBER

FORMAT is ASE's name of the format, or one of this script's own: mol2, xtb-output, gpaw-out. INPUT may be packed with
gzip, bzip2 or xz, which its suffix shows. Elements, positions, cell and fixed atoms are kept, and energy and forces if
the file has them. On success, prints one line of JSON. Exit status 3: the file cannot be read; 4: ASE is missing. The
last line on standard error gives the reason.
"""
import bz2
import gzip
import io
import json
import lzma
import os
import signal
import sys
import tempfile

# Ends this process if the program that waits for it, for 300 s, was killed.
signal.alarm(330)

try:
    import ase
    import ase.io
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.data import atomic_numbers
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(4)

PACKED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
# Larger than any real structure file; a compressed file may expand without limit.
MOST_BYTES = 4 << 30


class Unreadable(Exception):
    pass


def unpacked(path, folder):
    """Returns the file itself, or its decompressed copy in `folder`, under the name without the suffix."""
    stem, suffix = os.path.splitext(path)
    if suffix.lower() not in PACKED:
        return path
    target = os.path.join(folder, os.path.basename(stem))
    size = 0
    with PACKED[suffix.lower()](path, "rb") as source, open(target, "wb") as copy:
        while part := source.read(1 << 20):
            size += len(part)
            if size > MOST_BYTES:
                raise Unreadable(f"decompressed, it is larger than {MOST_BYTES >> 30} GiB")
            copy.write(part)
    return target


def mol2(path):
    """Tripos MOL2: each @<TRIPOS>ATOM block is a frame. The element is the atom type's part before the dot."""
    with open(path, errors="replace") as file:
        lines = file.read().splitlines()
    rows = None
    for number, line in enumerate(lines + ["@<TRIPOS>END"], 1):
        if line.startswith("@<TRIPOS>"):
            if rows:
                yield ase.Atoms([row[0] for row in rows], [row[1] for row in rows])
            rows = [] if line.strip() == "@<TRIPOS>ATOM" else None
        elif rows is not None and line.strip() and not line.startswith("#"):
            fields = line.split()
            try:
                position = [float(field) for field in fields[2:5]]
                element = fields[5].split(".")[0].capitalize()
            except (IndexError, ValueError):
                raise Unreadable(f"line {number}: not an atom: id, name, x, y, z and type are expected") from None
            if element not in atomic_numbers or element == "X" or len(position) != 3:
                raise Unreadable(f"line {number}: the atom type '{fields[5]}' is not an element")
            rows.append((element, position))


def xtb_output(path):
    """Reads the output of xtb: the block under 'final structure:', as XYZ (xtb 6.3 and newer)."""
    with open(path, errors="replace") as file:
        lines = file.read().splitlines()
    places = [k for k, line in enumerate(lines) if line.strip() == "final structure:"]
    if not places:
        raise Unreadable("the file has no block 'final structure:'; xtb prints one at the end of --opt; "
                         "the structure of a single point is in xtb's input file")
    start = places[-1] + 2
    try:
        count = int(lines[start])
        text = "\n".join(lines[start:start + count + 2])
        yield ase.io.read(io.StringIO(text), format="xyz")
    except (IndexError, ValueError, StopIteration) as error:
        raise Unreadable(f"line {start + 1}: the block 'final structure:' is not in XYZ: {error}") from None


def sdf(path):
    """Reads all records of an SDF file; ASE reads only one."""
    with open(path, errors="replace") as file:
        records = file.read().split("$$$$")
    for number, record in enumerate(records):
        if record.strip():
            # The first line of a record is the molecule's name, which may be empty, so only the line feed after $$$$ is
            # removed.
            yield ase.io.read(io.StringIO(record.removeprefix("\n") if number else record), format="sdf")


def table(lines, start, width):
    """Yields the cells of each row of a Markdown table without its head and rule; text after the last bar is ignored."""
    for line in lines[start + 2:]:
        if not line.startswith("|"):
            return
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) < width:
            raise Unreadable(f"not a row of {width} values: {line.strip()[:100]}")
        yield cells


def gpaw_out(path):
    """Reads GPAW's text output. ASE reads the output of GPAW before 26; newer output has tables ('Atoms  # ...').

    If the calculation was interrupted, its last geometry has no energy.
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    starts = [k for k, line in enumerate(lines) if line.startswith("Atoms  #")]
    if not starts:
        return ase.io.iread(path, index=":", format="gpaw-out")
    return gpaw_tables(lines, starts)


def gpaw_tables(lines, starts):
    waiting = None
    for start, end in zip(starts, starts[1:] + [len(lines)]):
        rows = list(table(lines[:end], start + 1, 5))
        try:
            atoms = ase.Atoms([row[1].split(".")[0].title() for row in rows],
                              [[float(value) for value in row[2:5]] for row in rows])
            values = {}
            for k in range(start, end):
                if lines[k].startswith("Unit cell"):
                    cell = list(table(lines[:end], k + 1, 4))
                    atoms.set_cell([[float(value) for value in row[1:4]] for row in cell])
                    atoms.pbc = [row[0] == "yes" for row in cell]
                elif lines[k].strip().startswith("Extrapolated:"):
                    values["energy"] = float(lines[k].split()[1])
                elif lines[k].startswith("Forces  #"):
                    values["forces"] = [[float(value) for value in row] for row in table(lines[:end], k + 1, 3)]
        except (ValueError, KeyError) as error:
            raise Unreadable(f"line {start + 1}: the geometry's tables cannot be read: {error}") from None
        # The geometry is printed twice before the first calculation.
        if waiting is not None and (len(waiting) != len(atoms) or abs(waiting.positions - atoms.positions).max() > 0):
            yield waiting
        waiting = None
        if "energy" in values:
            atoms.calc = SinglePointCalculator(atoms, **values)
            yield atoms
        else:
            waiting = atoms
    if waiting is not None:
        yield waiting


OWN = {"mol2": mol2, "xtb-output": xtb_output, "sdf": sdf, "gpaw-out": gpaw_out}


def frames(path, kind):
    if kind in OWN:
        return OWN[kind](path)
    return ase.io.iread(path, index=":", format=kind)


def result(atoms, name):
    """Returns the energy or forces of the file, or None."""
    if atoms.calc is None:
        return None
    try:
        value = atoms.calc.get_property(name, atoms, allow_calculation=False)
    except Exception:
        return None
    return value


def bare(atoms, number, note):
    """Returns the atoms with only the values that are kept."""
    unknown = [k for k, z in enumerate(atoms.numbers) if not 1 <= z <= 118]
    if not len(atoms):
        raise Unreadable(f"frame {number} has no atoms")
    if unknown:
        raise Unreadable(f"frame {number}: atom {unknown[0]} (counted from 0) has an unknown element")
    kept = ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    kept.set_constraint(atoms.constraints)
    # The box of a structure that is not periodic has no meaning.
    if not kept.pbc.any():
        kept.cell = None
    energy, forces = result(atoms, "energy"), result(atoms, "forces")
    if energy is not None:
        values = {"energy": float(energy)}
        if forces is not None and len(forces) == len(kept):
            values["forces"] = forces
        kept.calc = SinglePointCalculator(kept, **values)
    level = atoms.info.get("level_of_theory")
    if isinstance(level, str):
        kept.info["level_of_theory"] = level
    kept.info.update(note)
    return kept


def main():
    path, kind, output, which = sys.argv[1:5]
    note = {"origin": os.path.basename(path), "reader": f"ASE {ase.__version__} {kind}"}
    count = written = 0
    chosen = None if which == "all" else which
    last = None
    with tempfile.TemporaryDirectory() as folder, open(output, "w") as target:
        try:
            for count, atoms in enumerate(frames(unpacked(path, folder), kind), 1):
                own = {**note, "origin_frame": count}
                if chosen is None:
                    ase.io.write(target, bare(atoms, count, own), format="extxyz")
                    written += 1
                elif chosen == "last" or int(chosen) == count:
                    last = bare(atoms, count, own)
        except Unreadable as error:
            print(error, file=sys.stderr)
            sys.exit(3)
        except Exception as error:
            text = " ".join(str(error).split())[:300]
            print(f"{type(error).__name__}: {text}" if text else type(error).__name__, file=sys.stderr)
            sys.exit(3)
        if last is not None:
            last.info["origin_frames"] = count
            ase.io.write(target, last, format="extxyz")
            written = 1
    if not count:
        print("the file has no structure", file=sys.stderr)
        sys.exit(3)
    print(json.dumps({"ase": ase.__version__, "frames": count, "written": written}))


main()
