"""Prints the seconds that one GFN1-xTB energy and gradient takes in tblite, without a start from an earlier call.

usage: time_tblite.py STRUCTURE REPEATS
"""
import json
import sys
import time

from ase.io import read
from tblite.ase import TBLite

seconds = []
for _ in range(int(sys.argv[2]) + 1):
    atoms = read(sys.argv[1])
    atoms.calc = TBLite(method="GFN1-xTB", verbosity=0)
    start = time.perf_counter()
    atoms.get_forces()
    seconds.append(time.perf_counter() - start)
print(json.dumps({"seconds": seconds[1:]}))
