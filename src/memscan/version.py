"""The version of memscan, in the one place that packaging, the JSON report and `--version` read."""

__version__ = "0.1.0"
