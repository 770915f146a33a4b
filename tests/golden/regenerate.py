"""Write the golden traces anew, after a change of the numbers that was meant; say in the commit which and why.

OMP_NUM_THREADS=1 python tests/golden/regenerate.py [NAME ...]
"""

import sys

from traces import TRACES, trace, write

if __name__ == "__main__":
    for name in sys.argv[1:] or TRACES:
        write(name, trace(name))
        print(f"{name}: {TRACES[name][0]} steps")
