"""Names of tensors and modules with their numbers taken out: `encoder.layer.*.output.dense.weight`."""

import re

EXPERT = re.compile(r"expert_\d+")  # how NLLB numbers its experts


def starred(name: str) -> str:
    """`name` with a `*` for every component that is a number, or numbers an expert."""
    return ".".join("*" if part.isdigit() else "expert_*" if EXPERT.fullmatch(part) else part for part in name.split("."))
