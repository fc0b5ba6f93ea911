"""The options of a workload, which `inference`, `fit` and `check` share, and those of a training."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from memscan.cli.dtypes import parse_dtype
from memscan.cli.words import Count, Size

F = TypeVar("F", bound=Callable[..., object])

ENGINES = ("transformers", "vllm", "llama.cpp")  # memscan.bills.ENGINES, spelt out so that --help need not import it
ATTENTIONS = ("sdpa", "eager")
PRECISIONS = ("fp32", "bf16", "bf16-mixed", "fp16-mixed")
OPTIMIZERS = ("adamw", "adamw-8bit", "adafactor", "sgd", "sgd-momentum", "lion", "muon", "adamw-4bit")
FSDP = ("no-shard", "shard-grad-op", "full-shard", "hybrid-shard")


def _dtype(_ctx: click.Context, _param: click.Parameter, word: str | None) -> str | None:
    return None if word is None else parse_dtype(word)


DTYPE = click.option(
    "--dtype", metavar="DTYPE", callback=_dtype, help="Load the weights in it: bf16, fp16, bnb-nf4, ... [default: as stored]"
)
DEVICE = click.option(
    "--device", metavar="DEVICE", help="Say whether it fits: rtx-4090, 4xh100, 24GiB, ...; `memscan devices` lists them."
)
DEVICES_FILE = click.option(
    "--devices-file", metavar="FILE", help="A file with devices of your own; MEMSCAN_DEVICES names one too."
)
EXPLAIN = click.option("--explain", is_flag=True, help="Print the formula of every line with the numbers put in.")
CUDA_CONTEXT = click.option("--cuda-context", type=Size(), metavar="SIZE", help="What the driver takes. [default: assumed]")
ALLOCATOR = click.option(
    "--allocator", type=Size(), metavar="SIZE", help="What torch's allocator takes on top. [default: assumed]"
)
ATTENTION = click.option(
    "--attention", type=click.Choice(ATTENTIONS), default="sdpa", show_default=True, help="Attention kernel."
)

BATCH = click.option("--batch", type=Count(), default=1, show_default=True, metavar="N", help="Sequences at once.")
WORKLOAD = (
    click.option("--context", type=Count(), metavar="TOKENS", help="Tokens of a sequence, prompt and answer. [default: 8192]"),
    BATCH,
    DTYPE,
    click.option("--kv-dtype", metavar="DTYPE", help="Keep the KV cache in it: fp8, q8_0, ... [default: the model's]"),
    click.option(
        "--engine",
        type=click.Choice(("auto", *ENGINES)),
        default="auto",
        show_default=True,
        help="Whose rules hold; auto is llama.cpp for GGUF, transformers for all else.",
    ),
    ATTENTION,
    click.option("--tp", type=Count(), default=1, metavar="N", help="Tensor parallel: devices that share every layer."),
    click.option("--pp", type=Count(), default=1, metavar="N", help="Pipeline parallel: devices that share the layers out."),
    click.option("--ep", type=Count(), default=1, metavar="N", help="Expert parallel: devices that share the experts out."),
    click.option("--offload-experts", is_flag=True, help="Keep the routed experts in the memory of the CPU."),
    click.option(
        "--encoder-tokens", type=Count(), metavar="TOKENS", help="Tokens of the encoder's input. [default: the model's]"
    ),
    click.option("--prefill", type=Count(), metavar="TOKENS", help="Tokens in one pass. [default: the engine's]"),
    click.option("--max-num-seqs", type=Count(), metavar="N", help="vLLM: sequences at once. [default: vLLM's for the device]"),
    click.option(
        "--gpu-memory-utilization",
        type=float,
        default=0.92,
        show_default=True,
        metavar="SHARE",
        help="vLLM: its share of a device.",
    ),
    CUDA_CONTEXT,
    ALLOCATOR,
    DEVICE,
    DEVICES_FILE,
)

TRAINING = (
    BATCH,
    click.option("--seq", type=Count(), metavar="TOKENS", help="Tokens of a sequence. [default: 2048]"),
    click.option("--optimizer", type=click.Choice(OPTIMIZERS), default="adamw", show_default=True, help="The optimizer."),
    click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default="bf16",
        show_default=True,
        help="Of weights, gradients and activations.",
    ),
    click.option(
        "--lora", metavar="r=16,targets=all-linear", help="Train adapters: r=N,targets=all-linear or q_proj,v_proj, ..."
    ),
    click.option("--qlora", metavar="METHOD", help="With adapters on weights quantized so: nf4, nf4-dq, int8."),
    click.option("--zero", type=click.IntRange(0, 3), metavar="0-3", help="ZeRO stage (DeepSpeed)."),
    click.option("--fsdp", type=click.Choice(FSDP), help="FSDP, as the ZeRO stage that it equals."),
    click.option("--gpus", type=Count(), default=1, show_default=True, metavar="N", help="Data-parallel devices."),
    click.option("--gpus-per-node", type=Count(), metavar="N", help="Devices of one node. [default: 8, or --gpus]"),
    click.option("--offload", type=click.Choice(("optimizer", "params")), help="Keep these in the memory of the CPU."),
    click.option("--gradient-checkpointing", is_flag=True, help="Compute activations again in the backward pass."),
    ATTENTION,
    CUDA_CONTEXT,
    ALLOCATOR,
    DEVICE,
    DEVICES_FILE,
)


SHARED = (BATCH, ATTENTION, CUDA_CONTEXT, ALLOCATOR, DEVICE, DEVICES_FILE)
SUBJECTS = ("total", "largest-layer", "inference", "training")  # memscan.budget.SUBJECTS
CHECK = (
    click.option("--max-memory", metavar="SIZE", help="The limit: 24GB (10^9), 24GiB (2^30), ..."),
    click.option("--what", type=click.Choice(SUBJECTS), default="total", show_default=True, help="What is held against it."),
    click.option("--baseline", metavar="TARGET", help="Another target or a snapshot, to limit the growth against."),
    click.option("--max-growth", metavar="5%", help="How much more than the baseline it may be: 5%, 500MB, 0."),
    click.option(
        "--unknown", type=click.Choice(("fail", "warn")), default="fail", show_default=True, help="What an unknown does."
    ),
    click.option(
        "--against-config",
        is_flag=True,
        help="Hold the stored tensors against config.json: other shapes, missing, of more layers.",
    ),
    click.option(
        "--budget", metavar="FILE", help="A file of budgets. [default: memscan.toml or pyproject.toml, without a TARGET]"
    ),
)


def check_options(command: F) -> F:
    """The options of a check: its own, and those of both kinds of work."""
    return _all(command, (*CHECK, *WORKLOAD, *(one for one in TRAINING if one not in SHARED)))


def workload_options(command: F) -> F:
    """The options of an inference."""
    return _all(command, WORKLOAD)


def training_options(command: F) -> F:
    """The options of a training."""
    return _all(command, TRAINING)


def _all(command: F, options: tuple[Callable[[F], F], ...]) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def workload_words(given: Mapping[str, object]) -> dict[str, Any]:
    """The keyword arguments of `memscan.estimate_inference` among click's parameters."""
    names = (
        "context", "batch", "dtype", "kv_dtype", "engine", "attention", "tp", "pp", "ep", "offload_experts", "encoder_tokens",
        "prefill", "max_num_seqs", "gpu_memory_utilization", "cuda_context", "allocator",
    )  # fmt: skip
    return {name: given[name] for name in names}


def training_words(given: Mapping[str, object]) -> dict[str, Any]:
    """The keyword arguments of `memscan.estimate_training` among click's parameters."""
    names = (
        "batch", "seq", "optimizer", "precision", "lora", "qlora", "zero", "fsdp", "gpus", "gpus_per_node", "offload",
        "gradient_checkpointing", "attention", "cuda_context", "allocator",
    )  # fmt: skip
    return {name: given[name] for name in names}


def said(context: click.Context) -> dict[str, Any]:
    """The words of a check that the user wrote, spelt as a file of budgets spells them."""
    found = {}
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in NO_WORDS or context.get_parameter_source(name) is ParameterSource.DEFAULT:
            continue
        found["library-name" if name == "library" else name.replace("_", "-")] = context.params[name]
    return found


NO_WORDS = frozenset(
    {
        "targets",
        "token",
        "output_format",
        "as_json",
        "output",
        "backend",
        "changes",
        "trust_remote_code",
        "debug",
        "no_cache",
        "offline",
    }
)
"""Parameters that no file of budgets holds."""
