"""Prints the seconds that DScribe takes for the power spectra of one structure.

usage: time_soap.py STRUCTURE REPEATS JOBS
"""
import json
import sys
import time

from ase.io import read
from dscribe.descriptors import SOAP

atoms = read(sys.argv[1])
repeats, jobs = int(sys.argv[2]), int(sys.argv[3])
count = 100 if jobs > 1 else 1
soap = SOAP(species=["H", "C", "S", "Au"], r_cut=4, n_max=7, l_max=4, sigma=0.25, rbf="gto")


def call():
    # DScribe distributes structures, not atoms, over processes, and these take long to start; several processes therefore
    # get several copies of the structure.
    soap.create([atoms] * count if jobs > 1 else atoms, n_jobs=jobs)


call()
seconds = []
for _ in range(repeats):
    start = time.perf_counter()
    call()
    seconds.append((time.perf_counter() - start) / count)
print(json.dumps({"seconds": seconds}))
