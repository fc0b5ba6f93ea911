"""How long memscan takes, beside the floor and beside its peers, in one run: `python -m benchmarks --help`."""
