"""Writes soap.json: DScribe's descriptors of a few structures.

Made with dscribe 2.1.2, ase 3.29.0, numpy, mpmath 1.4.1. Run: python generate.py RINGS.extxyz, the file of ring
structures that models/thiolate-gold trains on; its frame 20 is written into the output.

A row of the descriptor is kept as its 2-norm, its dot product with sin(1), sin(2), ... (which sees
the order of the features) and every 23rd entry. A derivative is kept as the gradient of
sum over centres i and features f of sin(f + 1) p_if (1 + 0.1 i) by all positions, centres moving
with their atoms.

The overlap matrix of a large basis is ill-conditioned (condition number up to 1e12), so DScribe's results are correct to
only seven digits there. The cases called "exact-..." are from DScribe too, but with a basis from 60-digit arithmetic.
"""
import json
import sys

import mpmath
import numpy as np
from ase import Atoms
from ase.io import read
from dscribe.descriptors import SOAP

FRAGMENT = Atoms("AuS2C2H6", [
    (0, 0, 0), (2.30, .10, 0), (-2.30, -.10, .20), (2.90, 1.60, .70), (-2.90, -1.50, 1.10),
    (3.99, 1.55, .70), (2.55, 1.75, 1.73), (2.55, 2.42, .07), (-3.99, -1.45, 1.10),
    (-2.55, -1.40, 2.13), (-2.55, -2.45, .70)])
RING = read(sys.argv[1], index=20)
CELL = Atoms("Au2", [(0, 0, 0), (2, 2, .1)], cell=[4.1, 4.2, 6.0], pbc=True)
SKEWED = Atoms("AuSCH", [(.1, .2, .3), (2.2, .4, 1.1), (1.5, 2.4, 3.3), (5.0, .3, 2.0)],
               cell=[[4.5, 0, 0], [1.2, 4.1, 0], [-.9, .7, 5.2]], pbc=[True, True, False])

CASES = [
    ("tiny", Atoms("H", [(.3, -.4, 1.2)]), ["H"], 4, 2, 1, .5, [(0, 0, 0)], False),
    ("fragment", FRAGMENT, ["H", "C", "S", "Au"], 4, 7, 4, .25, None, True),
    ("fragment-wide", FRAGMENT, ["Au", "S", "H", "C"], 5, 6, 4, 1.0, None, True),
    ("fragment-large", FRAGMENT, ["H", "C", "S", "Au"], 6, 10, 9, .5, None, False),
    ("fragment-one-radial", FRAGMENT, ["H", "C", "O", "S", "Au"], 3, 1, 0, .3, None, True),
    ("fragment-8", FRAGMENT, ["H", "C", "S", "Au"], 4, 8, 6, .25, None, False),
    ("exact-8", FRAGMENT, ["H", "C", "S", "Au"], 4, 8, 6, .25, None, False),
    ("exact-9", FRAGMENT, ["H", "C", "S", "Au"], 5, 9, 9, .5, None, False),
    ("exact-10", FRAGMENT, ["H", "C", "S", "Au"], 4, 10, 9, .25, None, False),
    ("exact-large", FRAGMENT, ["H", "C", "S", "Au"], 6, 10, 9, .5, None, False),
    ("ring", RING, ["H", "C", "S", "Au"], 5, 6, 3, .5, None, True),
    ("ring-points", RING, ["H", "C", "S", "Au"], 4, 7, 4, .25,
     [(0, 0, 0), (1.1, -2.2, .3), (30, 30, 30)], False),
    ("periodic", CELL, ["Au"], 4, 3, 2, .5, None, False),
    ("periodic-skewed", SKEWED, ["H", "C", "S", "Au"], 5, 4, 3, .4, None, False),
]


def exact_betas(alphas):
    """Returns S^(-1/2) for each l, S being the overlap matrix."""
    mpmath.mp.dps = 60
    betas = []
    for l, row in enumerate(alphas):
        power, n = mpmath.mpf(l) + mpmath.mpf(3) / 2, len(row)
        overlap = mpmath.matrix(n, n)
        for i in range(n):
            for j in range(n):
                overlap[i, j] = mpmath.gamma(power) / 2 * (mpmath.mpf(row[i]) + mpmath.mpf(row[j]))**-power
        values, vectors = mpmath.eigsy(overlap)
        root = vectors * mpmath.diag([1 / mpmath.sqrt(v) for v in values]) * vectors.T
        betas.append([[float(root[i, j]) for j in range(n)] for i in range(n)])
    return np.array(betas)


def main():
    out = []
    for name, atoms, species, r_cut, n_max, l_max, sigma, points, derive in CASES:
        soap = SOAP(species=species, r_cut=r_cut, n_max=n_max, l_max=l_max, sigma=sigma,
                    rbf="gto", periodic=bool(atoms.pbc.any()))
        if name.startswith("exact-"):
            alphas = soap._alphas.reshape(l_max + 1, n_max)
            soap._betas = exact_betas(alphas.tolist()).reshape(soap._betas.shape)
        rows = soap.create(atoms, centers=points)
        wave = np.sin(np.arange(rows.shape[1]) + 1)
        case = {
            "name": name, "symbols": atoms.get_chemical_symbols(),
            "positions": atoms.positions.tolist(), "cell": atoms.cell.tolist(),
            "pbc": atoms.pbc.tolist(), "species": species, "rCut": r_cut, "nMax": n_max,
            "lMax": l_max, "sigma": sigma, "points": points, "featureCount": rows.shape[1],
            "norms": np.linalg.norm(rows, axis=1).tolist(), "waves": (rows @ wave).tolist(),
            "entries": rows[:, ::23].round(13).tolist()}
        if derive:
            derivatives = soap.derivatives(
                atoms, method="analytical", return_descriptor=False, attach=True)
            weights = 1 + 0.1 * np.arange(len(atoms))
            case["gradient"] = np.einsum("iaxf,f,i->ax", derivatives, wave, weights).tolist()
        out.append(case)
    with open("soap.json", "w") as file:
        json.dump({"dscribe": "2.1.2", "cases": out}, file, separators=(",", ":"))


main()
