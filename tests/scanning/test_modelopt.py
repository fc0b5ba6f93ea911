"""`hf_quant_config.json`: read where it stands beside the config, beside it in time, and never asked for in vain."""

import json

import pytest

from memscan import scan
from memscan.errors import FormatError
from tests.hub import LoopbackHub, Repository
from tests.parts.layouts import Cost, counted
from tests.source.models import weights

CONFIG = b'{"model_type": "llama"}'
NVFP4 = json.dumps({"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4", "group_size": 16}}).encode()
DECLARED = json.dumps({"model_type": "llama", "quantization_config": {"quant_method": "fp8"}}).encode()


def serve(hub: LoopbackHub, config: bytes, beside: bytes | None, folder: str = "") -> str:
    files = {f"{folder}model.safetensors": weights("a"), f"{folder}config.json": config}
    if beside is not None:
        files[f"{folder}hf_quant_config.json"] = beside
    hub.add_repository(Repository(repo_id="org/model", files=files))
    return "org/model"


@pytest.mark.parametrize(
    ("config", "beside", "method"),
    [(CONFIG, NVFP4, "modelopt"), (CONFIG, None, None), (DECLARED, NVFP4, "fp8"), (CONFIG, b'{"quantization": {}}', None)],
)
def test_it_counts_where_the_config_says_nothing(
    hub: LoopbackHub, config: bytes, beside: bytes | None, method: str | None
) -> None:
    assert scan(serve(hub, config, beside)).model.quantization == method


def test_it_costs_one_file_behind_the_listing(hub: LoopbackHub) -> None:
    _, without = counted(hub, serve(hub, CONFIG, None))
    hub.reset()
    _, beside = counted(hub, serve(hub, CONFIG, NVFP4))
    # The redirect and the file; that it is there only the listing tells, while the rest was asked for beside that.
    assert beside == Cost(requests=without.requests + 2, trips=without.trips + 1)


def test_it_is_that_of_the_folder(hub: LoopbackHub) -> None:
    name = serve(hub, CONFIG, NVFP4, "part/")
    assert scan(name, subfolder="part").model.quantization == "modelopt"


def test_one_that_is_no_json_is_the_fault_of_the_file(hub: LoopbackHub) -> None:
    with pytest.raises(FormatError, match="hf_quant_config"):
        scan(serve(hub, CONFIG, NVFP4[:-1]))
