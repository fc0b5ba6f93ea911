"""Gates shown: each format one file with `render(gate) -> str`; see `memscan.report.gates`."""
