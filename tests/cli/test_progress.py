"""The progress bar: on a terminal, after a second, and nowhere else."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

SCAN = """
import time
from memscan.cli.progress import Bar

bar = Bar()
bar.expect(3)
time.sleep({pause})
for _ in range(3):
    bar.advance()
    time.sleep(0.15)
bar.close()
"""


def on_a_terminal(program: str) -> str:
    """What `program` writes to standard error, which is a terminal of 80 columns."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    try:
        subprocess.run([sys.executable, "-c", program], stderr=terminal, check=True)
        os.write(terminal, b"#")  # so that there is something to read
        return os.read(master, 65536).decode()
    finally:
        os.close(master)
        os.close(terminal)


def test_a_scan_that_takes_longer_than_a_second_shows_a_bar_and_clears_it():
    written = on_a_terminal(SCAN.format(pause=1.1))
    assert "headers:" in written
    assert "2/3" in written
    assert written.rstrip("#").endswith("\r")


def test_a_quick_scan_shows_nothing():
    assert on_a_terminal(SCAN.format(pause=0)) == "#"


def test_what_is_no_terminal_stays_clean(tmp_path: Path):
    with (tmp_path / "stderr").open("w") as stderr:
        subprocess.run([sys.executable, "-c", SCAN.format(pause=1.1)], stderr=stderr, check=True)
    assert (tmp_path / "stderr").read_text() == ""
