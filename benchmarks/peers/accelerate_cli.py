"""accelerate's memory estimate: `python accelerate_cli.py TARGET`."""

import sys

from accelerate.commands.estimate import estimate_command, estimate_command_parser  # type: ignore[import-not-found,import-untyped,unused-ignore]

estimate_command(estimate_command_parser().parse_args([sys.argv[1], "--library_name", "transformers"]))
