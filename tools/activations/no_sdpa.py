"""The model types whose classes refuse `sdpa`, of the installed transformers: writes `src/memscan/activations/no_sdpa.json`.

.venv/bin/python -m tools.activations.no_sdpa
"""

import json
import warnings
from pathlib import Path

TARGET = Path("src/memscan/activations/no_sdpa.json")
MAPPINGS = (
    "MODEL_MAPPING_NAMES", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", "MODEL_FOR_MASKED_LM_MAPPING_NAMES",
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
)  # fmt: skip


def main() -> None:
    """Ask every class that an Auto class makes."""
    import transformers
    from transformers.models.auto import modeling_auto

    warnings.simplefilter("ignore")
    classes: dict[str, list[str]] = {}
    for mapping in MAPPINGS:
        for model_type, names in getattr(modeling_auto, mapping).items():
            classes.setdefault(model_type, []).extend([names] if isinstance(names, str) else names)
    refused = [model_type for model_type, names in sorted(classes.items()) if _refuse(transformers, names)]
    values = {"transformers": transformers.__version__, "types": refused}
    TARGET.write_text(json.dumps(values, indent=1) + "\n")


def _refuse(library: object, names: list[str]) -> bool:
    found = [getattr(library, name) for name in names if hasattr(library, name)]
    answers = [kind._supports_sdpa for kind in found if hasattr(kind, "_supports_sdpa")]  # noqa: SLF001
    return bool(answers) and not any(answers)


if __name__ == "__main__":
    main()
