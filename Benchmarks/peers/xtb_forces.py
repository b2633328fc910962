"""Computes forces of labelled frames with Debian's xtb, for comparison with the labels.

usage: xtb_forces.py METHOD INPUT OUTPUT RANGE...

METHOD is gfn1, gfn2 or gfnff; RANGE a Python slice of frames. OUTPUT-labels.extxyz gets the frames as they are,
OUTPUT-METHOD.extxyz the same structures with xtb's energies (eV) and forces (eV/Å):

    aurelax evaluate OUTPUT-METHOD.extxyz OUTPUT-labels.extxyz
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from ase.units import Bohr, Hartree

FLAGS = {"gfn1": ["--gfn", "1"], "gfn2": ["--gfn", "2"], "gfnff": ["--gfnff"]}


def gradient(atoms, method):
    """Returns the energy, eV, and the forces, eV/Å."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "in.xyz", atoms, format="xyz")
        subprocess.run(
            ["xtb", "in.xyz", *FLAGS[method], "--grad", "--norestart"], cwd=folder, check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Turbomole's file has a header, N lines of positions, and N lines of ∂E/∂r in Eh/a0.
        lines = (Path(folder) / "gradient").read_text().splitlines()
    energy = float(lines[1].split("SCF energy =")[1].split()[0])
    rows = lines[2 + len(atoms):2 + 2 * len(atoms)]
    slopes = np.array([[float(x.replace("D", "E")) for x in row.split()] for row in rows])
    return energy * Hartree, -slopes * Hartree / Bohr


def main():
    method, source, output = sys.argv[1:4]
    labels = [frame for index in sys.argv[4:] for frame in read(source, index=index)]
    predictions = []
    for number, frame in enumerate(labels):
        bare = Atoms(frame.symbols, frame.positions)
        energy, forces = gradient(bare, method)
        bare.calc = SinglePointCalculator(bare, energy=energy, forces=forces)
        bare.info["level_of_theory"] = f"xtb {method}"
        predictions.append(bare)
        print(f"{number + 1} of {len(labels)}", file=sys.stderr)
    write(f"{output}-labels.extxyz", labels)
    write(f"{output}-{method}.extxyz", predictions)


main()
