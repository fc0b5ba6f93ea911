"""Repositories of models that are made of parts, laid out as their libraries write them, and a scan of them that is counted."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files as resources
from pathlib import Path

import jsonschema

from memscan import Report, scan
from memscan.report import Failure, renderer
from tests.hub import LoopbackHub, Repository, round_trips
from tests.writers import safetensors, torch

LATENCY = 0.2  # seconds; enough that requests which were sent together overlap at the server
SCHEMA = json.loads(resources("memscan.report").joinpath("schema.json").read_text())
Files = dict[str, bytes]


def weights(prefix: str, *shape: int, dtype: str = "F32", bias: bool = True) -> bytes:
    """A safetensors file of a weight, and a bias of its first extent."""
    tensors = {f"{prefix}.weight": (dtype, shape)}
    return safetensors.write({**tensors, **({f"{prefix}.bias": (dtype, shape[:1])} if bias else {})})


def torch_weights(prefix: str, *shape: int, dtype: str = "float32") -> bytes:
    """A torch file of one weight."""
    count = 1
    for extent in shape:
        count *= extent
    pickle = torch.dumps(torch.ordered({f"{prefix}.weight": torch.tensor("0", shape, dtype)}))
    return torch.archive(pickle, {"0": count * torch.STORAGES[dtype][1]})


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


PIPELINE = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.30.0",
    "feature_extractor": ["transformers", "CLIPImageProcessor"],
    "requires_safety_checker": True,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
UNET, VAE, TEXT, CHECKER = "conv_in", "decoder.conv_in", "text_model.encoder.layers.0.mlp.fc1", "vision_model.post_layernorm"
# Elements of the components below, weight and bias.
ELEMENTS = {"unet": 64 * 64 + 64, "vae": 32 * 32 + 32, "text_encoder": 48 * 32 + 48, "safety_checker": 40 * 40 + 40}
TOTAL = 4 * (ELEMENTS["unet"] + ELEMENTS["vae"] + ELEMENTS["text_encoder"])


def pipeline(index: Mapping[str, object] = PIPELINE, **files: bytes | None) -> Files:
    """A pipeline as Stable Diffusion 1.5 is laid out, with fp16 variants; `files` are put over it, None takes one away."""
    whole: dict[str, bytes | None] = {
        "model_index.json": as_json(index),
        "README.md": b"# model",
        "feature_extractor/preprocessor_config.json": b"{}",
        "scheduler/scheduler_config.json": b"{}",
        "tokenizer/vocab.json": b"{}",
        "text_encoder/config.json": as_json({"architectures": ["CLIPTextModel"], "model_type": "clip_text_model"}),
        "text_encoder/model.safetensors": weights(TEXT, 48, 32),
        "text_encoder/model.fp16.safetensors": weights(TEXT, 48, 32, dtype="F16"),
        "unet/config.json": as_json({"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.30.0"}),
        "unet/diffusion_pytorch_model.safetensors": weights(UNET, 64, 64),
        "unet/diffusion_pytorch_model.fp16.safetensors": weights(UNET, 64, 64, dtype="F16"),
        "vae/config.json": as_json({"_class_name": "AutoencoderKL", "_diffusers_version": "0.30.0"}),
        "vae/diffusion_pytorch_model.safetensors": weights(VAE, 32, 32),
        "vae/diffusion_pytorch_model.fp16.safetensors": weights(VAE, 32, 32, dtype="F16"),
    }
    whole.update(files)
    return {path: content for path, content in whole.items() if content is not None}


def serve(hub: LoopbackHub, files: Mapping[str, bytes], repo_id: str = "org/pipe", **about: object) -> str:
    """Serve `files` as a repository, and return its name."""
    return hub.add_repository(Repository(repo_id=repo_id, files=files, **about)).repo_id  # type: ignore[arg-type]


def lay(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write `files` below `folder`."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


WRONG = 2  # requests for the two guesses of a scan where neither file is at the top of the repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a scan asked of the Hub and its CDN."""

    requests: int
    trips: int


def counted(hub: LoopbackHub, target: str, **options: object) -> tuple[Report, Cost]:
    """The report, and what it cost; nothing may be asked twice."""
    hub.latency = LATENCY
    hub.forget()
    report = scan(target, **options)  # type: ignore[arg-type]
    repeated = [key for key, count in Counter((r.path, r.headers.get("range")) for r in hub.requests).items() if count > 1]
    assert repeated == [], "asked twice"
    return report, Cost(requests=len(hub.requests), trips=round_trips(hub.requests))


def parts(report: Report) -> dict[str, tuple[str | None, int]]:
    """Class and bytes of every part, by name."""
    return {part.name: (part.class_name, part.checkpoint.nbytes) for part in report.model.parts}


def placed(report: Report) -> dict[str, tuple[int, str]]:
    """Bytes and what is held, by the name of the placement."""
    return {one.name: (one.nbytes, one.what) for one in report.placements}


def codes(report: Report) -> list[str]:
    return [note.code for note in report.notes]


def message(report: Report, code: str) -> str:
    """The one note of this code."""
    (found,) = [note.message for note in report.notes if note.code == code]
    return found


def rendered(report: Report, output: str) -> str:
    return renderer(output)([report])


def valid_json(*results: Report | Failure) -> dict[str, object]:
    """The JSON of `results`, held against the schema that the package carries."""
    found = json.loads(renderer("json")(list(results)))
    jsonschema.validate(found, SCHEMA)
    return found
