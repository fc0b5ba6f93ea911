"""`python -m memscan`."""

from memscan.cli.main import main

main()
