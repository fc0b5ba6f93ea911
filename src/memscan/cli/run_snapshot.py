"""What `memscan snapshot` does: a scan that is remembered, and the file that it is written to."""

import asyncio

from memscan.cli.exit import Exit
from memscan.cli.options import Options
from memscan.cli.progress import Bar
from memscan.cli.run import emit
from memscan.printable import safe
from memscan.scanning import ScanOptions
from memscan.scanning.snapshots import save_snapshot, snapshot_path, take_snapshot


def run_snapshot(options: Options, output: str) -> int:
    """`memscan snapshot`, to the file `output`."""
    path = snapshot_path(output)
    bar = Bar()
    try:
        taken = asyncio.run(take_snapshot(options.targets[0], ScanOptions(**options.scan), bar))
    finally:
        bar.close()
    save_snapshot(taken, path)
    commit = "" if taken.commit is None else f" at commit {taken.commit}"
    emit(safe(f"{path}: {len(taken.raw):,} bytes, a snapshot of {taken.name}{commit}"), None)
    return Exit.OK
