"""Real configs beside torch: what the table says of each, and what its class holds.

python tools/verification/real.py FOLDER   # of config.json files, whatever they are called
"""

import json
import sys
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "oracle")]


def main(folder: Path) -> None:
    """Print the verdict on each config, and their sum."""
    import torch
    import transformers

    from architectures.observe import skip_initialization

    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    skip_initialization()
    counts: Counter[str] = Counter()
    for path in sorted(folder.glob("*.json")):
        word, reason = verdict(json.loads(path.read_text()))
        counts[word] += 1
        print(f"{path.stem[:60]}: {word} {reason[:200]}", flush=True)
    print(dict(counts))


def verdict(values: Mapping[str, Any]) -> tuple[str, str]:
    """One word and the reason; `no class` where transformers has none for it."""
    import transformers

    from memscan.architecture import Config
    from memscan.architecture.table import family
    from memscan.errors import MemscanError
    from memscan.model import derive
    from verification.judge import judge
    from verification.observed import tensors_of

    name = next(iter(values.get("architectures") or ()), None)
    kind = getattr(transformers, str(name), None)
    if kind is None or not hasattr(kind, "config_class") or family(str(values.get("model_type"))) is None:
        return "no class", str(name)
    try:
        seen = tensors_of(_build(kind, values))
    except Exception as error:  # noqa: BLE001 -- what transformers refuses has no truth
        return "refused", f"{type(error).__name__}: {error}"
    try:
        derive(Config.of_words(values, "config.json"))
    except MemscanError as error:
        return "unknown", str(error)
    found = judge(str(name), values, seen)
    return found.word, found.reason


def _build(kind: Any, values: Mapping[str, Any]) -> Any:
    import torch
    from transformers import CONFIG_MAPPING

    known = {key: value for key, value in values.items() if key not in ("quantization_config", "compression_config", "auto_map")}
    config = CONFIG_MAPPING[values["model_type"]].from_dict(known)
    with torch.device("meta"):
        return kind._from_config(config, dtype=torch.bfloat16)  # noqa: SLF001


if __name__ == "__main__":
    main(Path(sys.argv[1]))
