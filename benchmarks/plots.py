"""The plots of docs/performance.md: `python -m benchmarks.plots RESULTS FOLDER`, by an interpreter with `server.txt` installed.

Each is drawn twice, for light and for dark pages, and comes out the same from the same figures.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found,unused-ignore]

mpl.use("svg")
from matplotlib import pyplot as plt  # type: ignore[import-not-found,unused-ignore]

INK = {"": "#1f2328", "-dark": "#e6edf3"}
GRID = {"": "#d1d9e0", "-dark": "#3d444d"}
PROGRAMS = {
    "floor": "#8b949e", "memscan": "#2f81f7", "get_sharded_safetensors_metadata": "#a475f9", "hf-mem": "#e3742f",
    "get_safetensors_metadata": "#3fa45b",
}  # fmt: skip
CASES = ("single file", "4 shards", "72 shards", "191 shards")
AT = 0.05  # seconds


def main(results: str, folder: str) -> None:
    """Draw all plots from the figures of a run."""
    found = json.loads(Path(results).read_bytes())
    rows = [row for row in found["rows"]["every"] if row["protocol"] == "http" and not row["failure"]]
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "memscan", "font.family": "sans-serif", "font.size": 10})
    for theme in INK:
        _draw(_shards, rows, Path(folder) / f"performance-shards{theme}", theme, (8.4, 3.6))
        _draw(_latency, rows, Path(folder) / f"performance-latency{theme}", theme, (8.4, 3.6))
        _draw(_phases, found["phases"], Path(folder) / f"performance-phases{theme}", theme, (8.4, 3.4))


def _draw(plot: Callable[[Any, Any, str], None], figures: Any, path: Path, theme: str, size: tuple[float, float]) -> None:
    ink = INK[theme]
    colours = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), ink)
    with mpl.rc_context(colours):
        figure, axes = plt.subplots(figsize=size, layout="constrained")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
        axes.set_facecolor("none")
        plot(axes, figures, theme)
        figure.savefig(path.with_name(path.name + ".svg"), transparent=True, metadata={"Date": None})
        plt.close(figure)


def _shards(axes: Any, rows: list[dict[str, Any]], theme: str) -> None:
    walls = {(row["case"], row["program"]): row["spent"]["wall"] for row in rows if row["latency"] == AT}
    width = 0.8 / len(PROGRAMS)
    for number, (program, colour) in enumerate(PROGRAMS.items()):
        places = [place + (number - 2) * width for place, case in enumerate(CASES) if (case, program) in walls]
        heights = [walls[case, program] for case in CASES if (case, program) in walls]
        bars = axes.bar(places, heights, 0.92 * width, label=program, color=colour)
        axes.bar_label(bars, fmt="%.2f", fontsize=8, padding=2)
    axes.set_xticks(range(len(CASES)), CASES)
    axes.grid(axis="y", color=GRID[theme], linewidth=0.6)
    axes.margins(y=0.08)
    axes.set_ylabel("seconds")
    axes.set_title("Wall time by number of shards, round trip 50 ms", loc="left")
    axes.legend(frameon=False, fontsize=9, loc="upper left")


def _latency(axes: Any, rows: list[dict[str, Any]], theme: str) -> None:
    for program, colour in PROGRAMS.items():
        points = sorted((1000 * row["latency"], row["spent"]["wall"]) for row in rows if _is(row, "191 shards", program))
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=colour, label=program)
    axes.set_yscale("log")
    axes.set_yticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
    axes.minorticks_off()
    axes.grid(color=GRID[theme], linewidth=0.6)
    axes.set_xlabel("round trip, ms")
    axes.set_ylabel("seconds (logarithmic)")
    axes.set_title("Wall time of a scan of 191 shards", loc="left")
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _is(row: dict[str, Any], case: str, program: str) -> bool:
    return bool(row["case"] == case and row["program"] == program)


def _phases(axes: Any, phases: dict[str, float], theme: str) -> None:
    names = [*phases][::-1]
    bars = axes.barh(names, [1000 * phases[name] for name in names], color="#2f81f7")
    axes.bar_label(bars, fmt="%.0f", fontsize=8, padding=3)
    axes.grid(axis="x", color=GRID[theme], linewidth=0.6)
    axes.margins(x=0.08)
    axes.set_xlabel("milliseconds of CPU")
    axes.set_title("CPU of a plain scan, by phase", loc="left")


if __name__ == "__main__":
    main(*sys.argv[1:])
