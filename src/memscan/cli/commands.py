"""The commands beside `estimate`: what each is given, and where it is done. Imported when one of them is asked for."""

import click

from memscan.cli.batch import batch_options
from memscan.cli.group import SETTINGS, TargetCommand
from memscan.cli.options import (
    GATE_FORMATS,
    PICTURES,
    options_from,
    output_options,
    snapshot_options,
    target_options,
    target_options_with,
)
from memscan.cli.serving import serving_options
from memscan.cli.workload import (
    DEVICES_FILE,
    EXPLAIN,
    check_options,
    said,
    training_options,
    training_words,
    workload_options,
    workload_words,
)


@click.command(cls=TargetCommand, context_settings=SETTINGS)
@click.option("--depth", type=click.IntRange(1, 64), default=3, show_default=True, help="Levels of the tree to show.")
@target_options_with(*PICTURES)
def layers(**given: object) -> int:
    """The module tree with parameters, bytes, share."""
    from memscan.cli.early import begun

    depth, options = given["depth"], options_from(given)
    with begun(options) as early:
        from memscan.cli.run import run_layers

        return run_layers(options, early, depth=depth if isinstance(depth, int) else 1)


@click.command(cls=TargetCommand, context_settings=SETTINGS)
@target_options
def files(**given: object) -> int:
    """The weight files, which are chosen, and why."""
    from memscan.cli.early import begun

    options = options_from(given)
    with begun(options, guess=False) as early:
        from memscan.cli.run import run_files

        return run_files(options, early)


@click.command(cls=TargetCommand, context_settings=SETTINGS)
@workload_options
@EXPLAIN
@target_options_with(*PICTURES)
def inference(**given: object) -> int:
    """Memory to answer: weights, KV cache, activations, line by line."""
    from memscan.cli.early import begun

    options = options_from(given)
    with begun(options) as early:
        from memscan.cli.run_bills import run_inference

        return run_inference(options, early, workload_words(given), given)


@click.command(cls=TargetCommand, context_settings=SETTINGS)
@training_options
@EXPLAIN
@target_options_with(*PICTURES)
def training(**given: object) -> int:
    """Memory to train: gradients, optimizer, adapters, activations."""
    from memscan.cli.early import begun

    options = options_from(given)
    with begun(options) as early:
        from memscan.cli.run_bills import run_training

        return run_training(options, early, training_words(given), given)


@click.command(cls=TargetCommand, context_settings=SETTINGS)
@workload_options
@click.option(
    "--max-memory", metavar="0=10GiB,cpu=30GiB", help="Memory of each device, for --format device-map: a map for from_pretrained."
)
@target_options_with(*PICTURES, "device-map")
@click.pass_context
def fit(context: click.Context, /, **given: object) -> int:
    """What fits: dtypes, the largest context, the most sequences."""
    from memscan.cli.early import begun

    options = options_from(given)
    with begun(options) as early:
        from memscan.cli.run_bills import run_fit

        return run_fit(options, early, workload_words(given), given, said(context))


@click.command(cls=TargetCommand, context_settings=SETTINGS)
@check_options
@target_options_with("html", *GATE_FORMATS, required=False)
@click.pass_context
def check(context: click.Context, /, **given: object) -> int:
    """Exit with 1 where a limit is exceeded; without a TARGET, every budget of memscan.toml or pyproject.toml."""
    from memscan.cli.early import begun

    options = options_from(given)
    with begun(options) as early:
        from memscan.cli.run_check import run_check

        return run_check(options, early, said(context))


@click.command(cls=TargetCommand, context_settings=SETTINGS)
@click.option("--fail-on-growth", metavar="5%|500MB|0", help="Exit with 1 where the second is larger than the first by more.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Lines of changes; the rest are summed up.")
@click.option("--all", "every", is_flag=True, help="A line for each tensor that differs.")
@target_options_with("html", *GATE_FORMATS)
def diff(**given: object) -> int:
    """What differs between two TARGETs, or two revisions of one: org/name@v1..v2."""
    from memscan.cli.run_diff import run_diff

    return run_diff(options_from(given), given)


@click.command(context_settings=SETTINGS)
@DEVICES_FILE
@output_options()
def devices(**given: object) -> int:
    """The devices that --device knows, with their memory."""
    from memscan.cli.run_bills import run_devices

    return run_devices(given)


@click.command(cls=TargetCommand, context_settings=SETTINGS)
@snapshot_options
def snapshot(**given: object) -> int:
    """Write what is read of TARGET to one small file, a target itself."""
    from memscan.cli.run_snapshot import run_snapshot

    words = {"targets": (given["target"],), "output": None, "as_json": False, "output_format": "table"}
    return run_snapshot(options_from({**given, **words}), str(given["output"]))


@click.command(cls=TargetCommand, context_settings=SETTINGS)
@batch_options
def batch(**given: object) -> int:
    """Many models into one Parquet, CSV or JSON lines file, from a list or a search."""
    from memscan.cli.run_batch import run_batch

    return run_batch(given)


@click.command(context_settings=SETTINGS)
@serving_options
def serve(**given: object) -> int:
    """A page for the browser, for you or for many (needs memscan[web])."""
    from memscan.cli.run_serve import run_serve

    return run_serve(given)


@click.group(context_settings=SETTINGS)
def cache() -> None:
    """What earlier runs kept: how much, and clearing it."""


@cache.command(context_settings=SETTINGS)
@click.option("--json", "as_json", is_flag=True, help="JSON.")
def info(as_json: bool) -> int:
    """Folder, entries, bytes and limit."""
    from memscan.cli.run_cache import run_cache_info

    return run_cache_info(as_json=as_json)


@cache.command(context_settings=SETTINGS)
@click.option("--repo", metavar="ORG/NAME", help="The entries of this repository alone.")
@click.option("--json", "as_json", is_flag=True, help="JSON.")
def clear(repo: str | None, as_json: bool) -> int:
    """Remove the entries, and say what that freed."""
    from memscan.cli.run_cache import run_cache_clear

    return run_cache_clear(repo=repo, as_json=as_json)
