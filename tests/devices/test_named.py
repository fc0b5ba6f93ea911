"""What a user calls a device."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.devices import GPU, RAM, builtin, parse_device
from memscan.errors import UsageError
from memscan.item import Basis


@pytest.mark.parametrize(
    ("word", "count", "name"),
    [
        ("rtx-4090", 1, "rtx-4090"), ("RTX 4090", 1, "rtx-4090"), ("rtx4090", 1, "rtx-4090"), ("4090", 1, "rtx-4090"),
        ("NVIDIA GeForce RTX 4090", 1, "rtx-4090"), ("rtx_4090", 1, "rtx-4090"), ("RTX 4090 24GB", 1, "rtx-4090"),
        ("4xh100", 4, "h100"), ("4x h100", 4, "h100"), ("4 x H100", 4, "h100"), ("4*h100", 4, "h100"), ("4\u00d7h100", 4, "h100"),
        ("h100:4", 4, "h100"), ("h100: 4", 4, "h100"), ("8x A100 80GB", 8, "a100-80gb"), ("a100-80gb:8", 8, "a100-80gb"),
        ("NVIDIA A100-SXM4-80GB", 1, "a100-80gb"), ("NVIDIA H100 80GB HBM3", 1, "h100"), ("NVIDIA H100 PCIe", 1, "h100-pcie"),
        ("Tesla T4", 1, "t4"), ("NVIDIA L40S", 1, "l40s"), ("h100-80gb", 1, "h100"), ("v100 32gb", 1, "v100-32gb"),
        ("RX 7900 XTX", 1, "rx-7900-xtx"), ("7900xtx", 1, "rx-7900-xtx"), ("2x7900xtx", 2, "rx-7900-xtx"),
        ("mi300x", 1, "mi300x"), ("mi300x:8", 8, "mi300x"), ("4080 mobile", 1, "rtx-4080-laptop"),
        ("4060 ti 16gb", 1, "rtx-4060-ti-16gb"),
        ("Apple M3 Max 36GB", 1, "m3-max-36gb"), ("dgx spark", 1, "gb10"), ("strix-halo-128gb", 1, "ryzen-ai-max-128gb"),
    ],
)  # fmt: skip
def test_names(word: str, count: int, name: str) -> None:
    found = parse_device(word, builtin())
    assert (found.count, found.device.name) == (count, name)
    assert found.usable_bytes == count * builtin().named(name).usable_bytes


@pytest.mark.parametrize("one", list(builtin()), ids=lambda one: one.name)
def test_every_name_and_alias_and_title_means_its_device(one) -> None:
    for word in (one.name, *one.aliases, one.title.partition(" (")[0], one.name.replace("-", " ").upper()):
        assert parse_device(word, builtin()).device is one


@pytest.mark.parametrize(
    ("word", "count", "kind", "nbytes"),
    [
        ("24GiB", 1, GPU, 24 * 2**30), ("24GB", 1, GPU, 24 * 10**9), ("2x24GiB", 2, GPU, 24 * 2**30),
        ("2 x 24 GiB", 2, GPU, 24 * 2**30),
        ("24GiB:2", 2, GPU, 24 * 2**30), ("cpu:64GiB", 1, RAM, 2**36), ("CPU: 64 GiB", 1, RAM, 2**36),
        ("ram:1.5TiB", 1, RAM, 3 * 2**39),
    ],
)  # fmt: skip
def test_sizes(word: str, count: int, kind: str, nbytes: int) -> None:
    found = parse_device(word, builtin())
    assert (found.count, found.device.kind) == (count, kind)
    assert (found.device.marketed_bytes, found.device.usable_bytes) == (nbytes, nbytes)
    assert (found.device.basis, found.device.source) == (Basis.DERIVED, "as given")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("a100", "'a100' is sold as a100-40gb, a100-80gb: say which"),
        ("4xa100", "'a100' is sold as a100-40gb, a100-80gb: say which"),
        ("4060 ti", "'4060 ti' is sold as rtx-4060-ti-16gb, rtx-4060-ti-8gb: say which"),
        ("m1 max", "'m1 max' is sold as m1-max-32gb, m1-max-64gb: say which"),
        ("rtx 4099", "no device is called 'rtx 4099': near are rtx-4090, "),
        ("rtx 6000", "no device is called 'rtx 6000': near are rtx-6000-ada, rtx-6000-turing, "),
        ("h100x4", "no device is called 'h100x4': near are h100, "),
        ("rtx-4090-48gb", "no device is called 'rtx-4090-48gb': near are "),
        ("abacus", "no device is called 'abacus': expected a name (rtx-4090), a number of them (4xh100), a size (24GiB)"),
        ("", "'' is no device: expected a name"), ("a" * 101, "is no device: expected a name"), ("-", "no device is called '-'"),
        ("0xh100", "'0xh100' asks for '0' devices: expected 1 to 1,000,000"), ("1000001xh100", "expected 1 to 1,000,000"),
        ("9" * 50 + "xh100", "expected 1 to 1,000,000"), ("h100:0", "asks for '0' devices"), ("-1xh100", "no device is called"),
        ("24G", "'24G' has two meanings"), ("0GiB", "'0GiB' is no memory at all"), ("cpu:0", "'0' is no memory at all"),
        ("cpu", "cpu is no size: say how much memory the processor has, such as cpu:64GiB"), ("cpu:", "cpu is no size"),
        ("cpu:lots", "'lots' is not a size"), ("ram:24G", "'24G' has two meanings"), ("24", "no device is called '24'"),
        ("rtx\u202e4099", "no device is called"),
    ],
)  # fmt: skip
def test_what_is_no_device_or_several(word: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_device(word, builtin())
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text(max_size=30))
def test_any_text_is_a_device_or_an_error_of_one_line(word: str) -> None:
    message = ""
    try:
        assert parse_device(word, builtin()).usable_bytes > 0
    except UsageError as error:
        message = str(error)
    assert message.isprintable()
