"""What `memscan snapshot` does: a scan that is remembered, and the file that it is written to."""

from memscan.cli.exit import Exit
from memscan.cli.options import Options
from memscan.cli.progress import Bar
from memscan.cli.run import emit
from memscan.printable import safe
from memscan.scanning import ScanOptions, check_name, run_alone, save, take_snapshot


def run_snapshot(options: Options) -> int:
    """`memscan snapshot`."""
    path = check_name(options.output or "-")
    bar = Bar()
    try:
        taken = run_alone(take_snapshot(options.targets[0], ScanOptions(**options.scan), bar))
    finally:
        bar.close()
    save(taken, path)
    commit = "" if taken.commit is None else f" at commit {taken.commit}"
    emit(safe(f"{path}: {len(taken.raw):,} bytes, a snapshot of {taken.name}{commit}"), None)
    return Exit.OK
