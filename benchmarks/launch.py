"""Run one command and say, as JSON, what it took: `python -S launch.py COMMAND ...`.

A process of its own, and a small one: the kernel counts what the parent had in memory towards a child's largest, up to the moment
the child becomes another program (`signal->maxrss` in https://github.com/torvalds/linux/blob/v6.12/fs/exec.c).
"""

import json
import os
import subprocess
import sys
import time

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes; https://man7.org/linux/man-pages/man2/getrusage.2.html


def main(command: list[str]) -> None:
    """Print wall and CPU seconds, the largest resident memory in bytes and the exit code."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    took = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_bytes": usage.ru_maxrss * MAXRSS_UNIT}
    print(json.dumps({**took, "code": process.returncode}))


if __name__ == "__main__":
    main(sys.argv[1:])
