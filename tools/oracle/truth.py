"""What transformers holds of every architecture it can build: ``python tools/oracle/truth.py OUT --sample``.

For each model type, class and variant a small model is built, saved and loaded again, as the class and as AutoModel; the
folder ``OUT/TYPE/CLASS/VARIANT`` keeps ``config.json``, ``model.safetensors`` without its data, and ``truth.json``. A case
that cannot be made keeps ``failed.json`` with the reason. Finished folders are skipped, so that a run can be resumed;
``OUT/summary.json`` counts. Needs torch, transformers and accelerate; nothing is downloaded.
"""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

# Before torch and transformers are imported: a forked process has no threads, and nothing asks the Hub.
os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", HF_DEACTIVATE_ASYNC_LOAD="1", TOKENIZERS_PARALLELISM="false")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder for the cases")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", nargs="+", metavar="TYPE", help="these model types")
    which.add_argument("--sample", action="store_true", help="a fixed list of types, with crossed classes")
    parser.add_argument("--base-only", action="store_true", help="one class a type")
    parser.add_argument("--crossed", action="store_true", help="also save from one class and load as another")
    parser.add_argument("--retry", action="store_true", help="try again what failed before")
    parser.add_argument("--parallel", type=int, default=2, help="processes (2)")
    arguments = parser.parse_args()
    silence()
    from cases import Case, crossed_cases, own_cases
    from declared import Declared, installed
    from sample import sampled_types
    from saved import FAILED, TRUTH
    from summary import summarise
    from workers import run

    known = installed()
    types = arguments.only or (sampled_types() if arguments.sample else list(known.types))
    if unknown := [name for name in types if name not in known.types]:
        parser.error(f"transformers has no model type {', '.join(unknown)}")

    def wanted(declared: Declared) -> Iterator[Case]:
        names = [found.__name__ for found in declared.classes]
        auto = [] if not arguments.sample else [name for name in names if name in sampled_bases(declared.model_type)]
        chosen = names[:1] + auto if arguments.base_only or arguments.sample else names
        own = (own_cases(declared, name) for name in dict.fromkeys(chosen))
        crossed = crossed_cases(declared) if arguments.crossed or arguments.sample else ()
        return chain(chain.from_iterable(own), crossed)

    def is_open(case: Case) -> bool:
        folder = arguments.out / case.place
        failed = folder / FAILED
        if failed.is_file():
            return arguments.retry and bool(json.loads(failed.read_text())["reason"])
        return not (folder / TRUTH).is_file()

    batches = [[case for case in wanted(known.types[name]) if is_open(case)] for name in types]
    total = sum(1 for batch in batches if batch)
    print(f"{sum(map(len, batches))} cases of {total} model types are open", flush=True)
    for done, case in enumerate(run(batches, arguments.out, arguments.parallel), 1):
        print(f"{done}/{total} {case.model_type}", flush=True)
        if done % 20 == 0:
            summarise(arguments.out)
    summary = summarise(arguments.out)
    print({key: value for key, value in summary.items() if isinstance(value, int)})


def sampled_bases(model_type: str) -> tuple[str, ...]:
    """Names of the classes that AutoModel takes for a type."""
    from declared import auto_tables

    return auto_tables()["MODEL_MAPPING_NAMES"].get(model_type, ())


def silence() -> None:
    """No warnings and no progress bars of the libraries: failures are written down one by one."""
    warnings.filterwarnings("ignore")
    sys.path.insert(0, str(Path(__file__).parent))
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity(transformers.logging.CRITICAL)
    transformers.logging.disable_progress_bar()


if __name__ == "__main__":
    main()
