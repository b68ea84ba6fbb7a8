#!/usr/bin/env python3
"""Holds as much memory as leaves the machine with the given share in use, until it is ended.

usage: memory_hog.py SHARE
"""

import mmap
import sys
import time

PIECE = 64 << 20


def meminfo():
    with open("/proc/meminfo", encoding="ascii") as told:
        return {line.split(":")[0]: int(line.split()[1]) << 10 for line in told}


# When memory runs out after all, this goes and nobody else.
with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
    score.write("1000")
share, pieces = float(sys.argv[1]), []
while True:
    now = meminfo()
    surplus = now["MemAvailable"] - (1 - share) * now["MemTotal"]
    if surplus > PIECE:
        pieces.append(mmap.mmap(-1, PIECE))
        pieces[-1].write(b"x" * PIECE)
    elif surplus < -PIECE and pieces:
        pieces.pop().close()
    else:
        time.sleep(0.05)
