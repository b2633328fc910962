"""Prints the seconds that the libAtoms reader takes to read all frames of a file.

usage: time_read.py FILE REPEATS
"""
import json
import sys
import time

import extxyz

seconds = []
for _ in range(int(sys.argv[2]) + 1):
    start = time.perf_counter()
    frames = extxyz.read_dicts(sys.argv[1])
    seconds.append(time.perf_counter() - start)
print(json.dumps({"seconds": seconds[1:]}))
