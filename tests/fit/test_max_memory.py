"""How much of each device a model may take, as accelerate reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.errors import UsageError
from memscan.fit.device_map import parse_max_memory


def test_devices_are_in_the_order_in_which_they_are_filled() -> None:
    found = parse_max_memory("cpu=30GiB, 10=1GiB,disk=1TB,2=10GB,0 = 512 MiB")
    assert list(found.items()) == [(0, 2**29), (2, 10**10), (10, 2**30), ("cpu", 30 * 2**30), ("disk", 10**12)]
    assert parse_max_memory("CPU=1GiB,mps=0") == {"mps": 0, "cpu": 2**30}


@pytest.mark.torch
@pytest.mark.parametrize("word", ["10GiB", "10GB", "512MiB", "512MB", "8KiB", "8KB", "1.5GiB", "0.1GB", "23.55GiB"])
def test_sizes_are_those_of_accelerate(word: str) -> None:
    from accelerate.utils import convert_file_size_to_int

    # Floats there, exact here: they differ by a byte at most.
    assert abs(parse_max_memory(f"0={word}")[0] - convert_file_size_to_int(word)) <= 1


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_the_order_is_that_of_accelerate() -> None:
    from accelerate.utils.modeling import get_max_memory

    memory = {"cpu": 5, 3: 4, "disk": 9, 0: 1, "mps": 7}
    word = ",".join(f"{device}={size}" for device, size in memory.items())
    theirs = get_max_memory({device: size for device, size in memory.items() if device != "mps"})
    ours = parse_max_memory(word)
    assert [device for device in ours if device != "mps"] == list(theirs)
    assert list(ours) == [0, 3, "mps", "cpu", "disk"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("", "'' in --max-memory is no device with a size: expected devices with sizes, such as 0=10GiB"),
        ("0", "'0' in --max-memory is no device with a size"),
        ("0=10GiB,", "'' in --max-memory is no device with a size"),
        ("0:10GiB", "'0:10GiB' in --max-memory is no device with a size"),
        ("gpu=10GiB", "'gpu' in --max-memory is no device: expected the number of a GPU, cpu, disk or mps"),
        ("-1=10GiB", "'-1' in --max-memory is no device"), ("99999=1GiB", "'99999' in --max-memory is no device"),
        ("0=1GiB,0=2GiB", "--max-memory has the device 0 twice"), ("00=1GiB,0=2GiB", "--max-memory has the device 0 twice"),
        ("cpu=1GiB,CPU=2GiB", "--max-memory has the device cpu twice"), ("0=10G", "'10G' has two meanings"),
        ("0=", "'' is not a size"), ("0=-5GiB", "'-5GiB' is not a size"), ("0=1GiB=2GiB", "'1GiB=2GiB' is not a size"),
        ("0=1GiB," * 20_000, "--max-memory has no device, or more than 4,096"),
    ],
)  # fmt: skip
def test_what_makes_no_sense(word: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_max_memory(word)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text(alphabet="0123456789=,cpudisk GiBMKb.-", max_size=40))
def test_any_text_is_memory_or_an_error_of_one_line(word: str) -> None:
    message = ""
    try:
        assert parse_max_memory(word)
    except UsageError as error:
        message = str(error)
    assert message.isprintable()
