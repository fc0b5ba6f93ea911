"""The pickle machine: every opcode, every limit, and pickles that want to run something."""

import collections
import datetime as dt
import io
import pickle
import pickletools
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.errors import FormatError
from memscan.formats.pickle import Bytes, Call, Global, Names, Omitted, Table, read_pickle
from memscan.formats.pickle.limits import MAX_STRING
from memscan.formats.pickle.opcodes import OPCODES
from memscan.formats.pickle.reading import LEAST, MAX_FETCHED
from memscan.formats.torch_globals import NAMES, allows
from memscan.read import ByteRange, run
from tests.writers.torch import Make, Name, Persistent, Raw, dumps

ROOT = Path(__file__).parents[2]

PATH = "model.pt"
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def load(raw: bytes, start: int = 0, at_hand: int = 0) -> object:
    """The value of a pickle, read with `at_hand` bytes of it fetched before."""
    names = Names(allows, lambda key: ("persistent", key))
    return run(read_pickle(PATH, Bytes(start, raw[start : start + at_hand]), len(raw), names), fetching(raw))[0]


def refusal(raw: bytes) -> str:
    """The sentence with which a pickle is refused; empty where it is read."""
    try:
        load(raw)
    except FormatError as error:
        return str(error)
    return ""


def fetching(raw: bytes) -> Callable[[ByteRange], bytes]:
    def fetch(wanted: ByteRange) -> bytes:
        assert wanted.length > 0
        assert wanted.stop <= len(raw)
        return raw[wanted.start : wanted.stop]

    return fetch


def plain(value: object) -> object:
    """Records of containers as the containers they stand for."""
    if isinstance(value, Table):
        return {plain(key): plain(item) for key, item in value.pairs}
    if isinstance(value, list | tuple):
        return type(value)(plain(item) for item in value)
    return value


class TestValues:
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    @given(value=PLAIN)
    def test_plain_values_come_back(self, protocol: int, value: object) -> None:
        if protocol < 3 and any(call in pickle.dumps(value, protocol) for call in (b"c_codecs\nencode", b"c__builtin__\nbytes")):
            return  # how old protocols write bytes: a call, which stays a record
        assert plain(load(pickle.dumps(value, protocol))) == value

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_containers_come_back(self, protocol: int) -> None:
        value = [
            collections.OrderedDict(a=1),
            collections.Counter("aab"),
            collections.defaultdict(list, b=[2]),
            {3},
            frozenset([4]),
        ]
        assert plain(load(pickle.dumps(value, protocol))) == [{"a": 1}, {"a": 2, "b": 1}, {"b": [2]}, [3], (4,)]

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_objects_stay_records(self, protocol: int) -> None:
        value = load(pickle.dumps(dt.date(2024, 2, 29), protocol))
        assert isinstance(value, Call)
        assert value.function == Global("datetime", "date")

    def test_a_python_2_pickle_is_read(self) -> None:
        value = load(b"\x80\x02}q\x00(U\x01aq\x01K\x01U\x02\xff\xfeq\x02I01\nU\x01bq\x03c__builtin__\nset\nq\x04]\x85Ru.")
        assert plain(value) == {"a": 1, b"\xff\xfe": True, "b": []}

    @pytest.mark.parametrize(
        ("raw", "value"),
        [
            (b"I00\n.", False), (b"I-5\n.", -5), (b"L99999999999L\n.", 99_999_999_999), (b"F1e3\n.", 1000.0),
            (b"S'a\\n'\n.", "a\n"), (b'S"q"\n.', "q"), (b"V\\u20ac\n.", "\N{EURO SIGN}"), (b"\x8a\x00.", 0),
            (b"\x8b\x02\x00\x00\x00\xff\x00.", 255), (b"(lI1\na.", [1]), (b"(I1\nI2\nd.", {1: 2}), (b"(I1\nt.", (1,)),
            (b"(I1\nl2\x85.", ([1],)), (b"I7\np0\n0g0\n.", 7), (b"(I1\n0I2\n1N.", None),
            (b"\x96\x01\x00\x00\x00\x00\x00\x00\x00a.", b"a"), (b"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00N.", None),
        ],
    )  # fmt: skip
    def test_old_and_rare_opcodes(self, raw: bytes, value: object) -> None:
        assert plain(load(raw)) == value

    def test_instances_of_protocol_0_stay_records(self) -> None:
        instance, made = load(b"(I1\niargparse\nNamespace\n."), load(b"(cargparse\nNamespace\nI1\no.")
        for value in (instance, made):
            assert isinstance(value, Call)
            assert (str(value.function), value.arguments) == ("argparse.Namespace", (1,))

    def test_keywords_are_kept_as_a_state(self) -> None:
        value = load(b"\x80\x04cargparse\nNamespace\n)}(\x8c\x01aK\x01u\x92.")
        assert isinstance(value, Call)
        assert plain(value.states) == [{"a": 1}]

    def test_items_and_elements_of_objects_are_kept(self) -> None:
        value = load(b"\x80\x02cargparse\nNamespace\n)\x81(K\x01K\x02u(K\x03eK\x04K\x05sK\x06a}b.")
        assert isinstance(value, Call)
        assert plain(value.states) == [{1: 2}, [3], {4: 5}, [6], {}]

    def test_every_opcode_has_a_handler(self) -> None:
        assert {opcode.code.encode("latin-1") for opcode in pickletools.opcodes} == set(OPCODES)

    def test_the_bytes_behind_a_pickle_are_given_back(self) -> None:
        raw = dumps({"a": 1}) + b"rest"
        _, rest = run(read_pickle(PATH, Bytes(0, b""), len(raw), Names(allows, lambda key: key)), fetching(raw))
        assert rest == Bytes(len(raw) - 4, b"rest")

    def test_a_pickle_may_contain_itself(self) -> None:
        value = load(b"\x80\x02]q\x00h\x00a.")
        assert isinstance(value, list)
        assert value[0] is value


class TestPieces:
    """A pickle in pieces of any size has the value that it has in one."""

    RAW = pickle.dumps({"names": [f"layer.{each}" for each in range(40)], "pair": (1.5, 2**80, b"b", None)}, 4)

    @pytest.mark.parametrize("at_hand", range(0, len(RAW), 7))
    def test_whatever_is_at_hand(self, at_hand: int) -> None:
        assert plain(load(self.RAW, at_hand=at_hand)) == pickle.loads(self.RAW)

    def test_one_byte_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("memscan.formats.pickle.reading.LEAST", 1)
        monkeypatch.setattr("memscan.formats.pickle.reading.GROWTH", 1)
        assert plain(load(self.RAW)) == pickle.loads(self.RAW)

    def test_only_what_is_missing_is_asked_for(self) -> None:
        raw = dumps(["x" * 100] * 30_000)
        asked: list[ByteRange] = []

        def fetch(wanted: ByteRange) -> bytes:
            asked.append(wanted)
            return raw[wanted.start : wanted.stop]

        run(read_pickle(PATH, Bytes(0, raw[:100_000]), len(raw), Names(allows, lambda key: key)), fetch)
        assert [each.start for each in asked] == [100_000, 400_000, 1_600_000]

    def test_long_strings_are_not_fetched(self) -> None:
        blob = 300 * 2**20
        raw = b"\x80\x04]\x8e" + struct.pack("<Q", blob)
        end = b"aK\x05a."

        def fetch(wanted: ByteRange) -> bytes:
            behind = len(raw) + blob
            if wanted.start < len(raw):
                return raw[wanted.start :] + bytes(wanted.length - len(raw) + wanted.start)
            assert wanted.start == behind
            return end

        size = len(raw) + blob + len(end)
        value, _ = run(read_pickle(PATH, Bytes(0, b""), size, Names(allows, lambda key: key)), fetch)
        assert value == [Omitted(blob), 5]


def bomb(opcode: bytes, count: int, before: bytes = b"\x80\x04", after: bytes = b".") -> bytes:
    return before + opcode * count + after


WANTS: dict[str, tuple[bytes, str]] = {
    "os.system": (b"cos\nsystem\n(S'echo'\ntR.", "os.system"),
    "posix.system": (b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04echo\x85R.", "posix.system"),
    "builtins.eval": (dumps(Make(Name("builtins", "eval"), ("1",))), "builtins.eval"),
    "builtins.exec": (dumps(Make(Name("__builtin__", "exec"), ("1",))), "builtins.exec"),
    "builtins.getattr": (dumps(Make(Name("builtins", "getattr"), ("a", "b"))), "builtins.getattr"),
    "subprocess.Popen": (dumps(Make(Name("subprocess", "Popen"), ("sh",)), 4), "subprocess.Popen"),
    "runpy": (dumps(Name("runpy", "_run_code"), 4), "runpy._run_code"),
    "torch.load": (dumps(Make(Name("torch", "load"), ("x",))), "torch.load"),
    "torch.hub": (dumps(Make(Name("torch.hub", "load"), ("x",))), "torch.hub.load"),
    "inst": (b"(S'echo'\nios\nsystem\n.", "os.system"),
    "obj": (b"(cos\nsystem\nS'echo'\no.", "os.system"),
    "newobj": (b"\x80\x02cos\nsystem\nS'echo'\n\x85\x81.", "os.system"),
    "newobj_ex": (b"\x80\x04cos\nsystem\nS'echo'\n\x85}\x92.", "os.system"),
    "behind a dot": (b"\x80\x04\x8c\x05torch\x8c\x0bSize.mro.os\x93.", "torch.Size.mro.os"),
    "in a family, no class": (dumps(Name("torch.nn.modules.module", "signature")), "torch.nn.modules.module.signature"),
    "in a family, a path": (b"\x80\x04\x8c\x15torch.nn.modules.conv\x8c\x09Conv2d.os\x93.", "torch.nn.modules.conv.Conv2d.os"),
    "like a family": (dumps(Name("torchaoo", "Linear")), "torchaoo.Linear"),
    "a stranger's class": (dumps(Name("ultralytics.nn.tasks", "DetectionModel")), "ultralytics.nn.tasks.DetectionModel"),
    "in an argument": (dumps(Make(Name("torch", "device"), (Make(Name("os", "system"), ("echo",)),))), "os.system"),
    "in a state": (dumps(Make(Name("collections", "OrderedDict"), (), {"x": Name("os", "system")})), "os.system"),
    "in a key": (dumps([(1, (Name("os", "system"),))]), "os.system"),
    "by reconstruction": (dumps(Make(Name("copyreg", "_reconstructor"), (Name("os", "system"), None, None))), "os.system"),
    "in another alphabet": (dumps(Name("os", "syst\N{CYRILLIC SMALL LETTER IE}m"), 4), r"os.syst\\u0435m"),
    "with a line end": (dumps(Name("os", "a\nb"), 4), r"os.a\\nb"),
}
"""Pickles that would load something else, and the name that the message says."""

DAMAGED: dict[str, bytes] = {
    "empty": b"",
    "no pickle": b"{}",
    "protocol 6": b"\x80\x06N.",
    "unknown opcode": b"\x80\x02\xff.",
    "nothing to stop with": b".",
    "no end": b"\x80\x02N",
    "pop of nothing": b"0.",
    "tuple of nothing": b"\x85.",
    "mark that is not there": b"t.",
    "reduce across a mark": b"ccollections\nOrderedDict\n()(R.",
    "memo that is not there": b"h\x05.",
    "memo far away": b"j\xff\xff\xff\xff.",
    "memo of nothing": b"q\x00.",
    "memo below zero": b"Np-1\ng-2\n.",
    "stack global of numbers": b"\x80\x04K\x01K\x02\x93.",
    "stack global of a tuple": b"\x80\x04)\x8c\x01a\x93.",
    "global that is not utf-8": b"c\xff\n\xff\n.",
    "call of a string": b"\x80\x02X\x02\x00\x00\x00os)R.",
    "call of a call": b"ctorch\ndevice\n)R)R.",
    "call without a tuple": b"ctorch\ndevice\n]R.",
    "object without a class": b"(o.",
    "append to a number": b"K\x01K\x02a.",
    "item of a tuple": b")K\x01K\x02s.",
    "key without a value": b"}(K\x01u.",
    "state of a number": b"K\x01}b.",
    "state of a name": b"ctorch\ndevice\n}b.",
    "extension 1": b"\x82\x01.",
    "extension 2": b"\x83\x01\x00.",
    "extension 4": b"\x84\x01\x00\x00\x00.",
    "buffer outside": b"\x80\x05\x97.",
    "read-only buffer": b"\x80\x05N\x98.",
    "long of 2 GB": b"\x80\x02\x8b\xff\xff\xff\x7f" + bytes(100),
    "long below zero": b"\x80\x02\x8b\xff\xff\xff\xff" + bytes(100),
    "integer of text": b"Iabc\n.",
    "integer of 5,000 digits": b"L" + b"9" * 5000 + b"L\n.",
    "float of text": b"Fabc\n.",
    "string without quotes": b"Sabc\n.",
    "string of one quote": b"S'\n.",
    "string with a broken escape": b"S'\\x'\n.",
    "text with a broken escape": b"V\\u12\n.",
    "string that is not utf-8": b"\x8c\x01\xff.",
    "string longer than the file": b"\x80\x04\x8d" + b"\xff" * 8 + b"abc.",
    "bytes longer than the file": b"\x80\x04\x8e\x00\x00\x00\x00\x00\x00\x00\x7fabc.",
    "string one byte longer than the file": b"X\x02\x00\x00\x00a",
    "line without an end": b"V" + b"a" * (2 * MAX_STRING),
    "frame longer than the file": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x00N.",
}

BOMBS: dict[str, bytes] = {
    "none": bomb(b"N", 5_000_000),
    "none and pop": bomb(b"N0", 5_000_000),
    "lists": bomb(b"]", 5_000_000),
    "marks": bomb(b"(", 5_000_000),
    "dicts": bomb(b"}", 5_000_000),
    "deep tuples": bomb(b"\x85", 5_000_000, b"\x80\x02N"),
    "deep lists": b"]" * 1_000_000 + b"a" * 999_999 + b".",
    "integers": bomb(b"J\xff\xff\xff\x7f", 3_000_000),
    "strings": bomb(b"\x8c\x03abc", 5_000_000),
    "copies": bomb(b"2", 5_000_000, b"N"),
    "memo": bomb(b"\x94", 5_000_000, b"\x80\x04N"),
    "scattered memo": b"N" + b"".join(b"r" + struct.pack("<I", 2**32 - 1 - 7 * each) for each in range(1_000_000)) + b".",
    "calls": bomb(b"h\x00)R", 3_000_000, b"ccollections\nOrderedDict\nq\x00"),
    "copied lists": b"]q\x00(" + b"N" * 400_000 + b"e0cbuiltins\nlist\nq\x01" + b"h\x01h\x00\x85R0" * 10_000 + b".",
    "copied dicts": b"}q\x00(" + b"NN" * 200_000 + b"u0cbuiltins\ndict\nq\x01" + b"h\x01h\x00\x85R0" * 10_000 + b".",
    "long strings": bomb(b"X\xff\xff\x00\x00" + b"a" * 65_535, 1_050),
    "doubled tuples": bomb(b"2\x86", 2_000_000, b"N"),
}
"""Pickles that a file of a few megabytes holds and that would take hours, or all memory, to load."""


READ = """
import pathlib, re, sys
from memscan.errors import FormatError
from memscan.formats.pickle import Bytes, Names, read_pickle
from memscan.formats.torch_globals import allows
from memscan.read import run
from tests.effort import effort
raw = pathlib.Path(sys.argv[1]).read_bytes()
names = Names(allows, lambda key: key)
with effort() as spent:
    try:
        run(read_pickle("model.pt", Bytes(0, b""), len(raw), names), lambda wanted: raw[wanted.start : wanted.stop])
    except FormatError as error:
        print(error, end="")
print()
print(spent.loops)
print(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1], end="")
"""


class TestRefusals:
    @pytest.mark.parametrize("name", WANTS)
    def test_a_foreign_name_is_refused_by_name(self, name: str) -> None:
        raw, wanted = WANTS[name]
        with pytest.raises(FormatError) as caught:
            load(raw)
        message = str(caught.value)
        assert message.startswith(f"{PATH}: its pickle loads {wanted.replace(chr(92) * 2, chr(92))}, which is none of")
        assert "\n" not in message

    @pytest.mark.parametrize("name", DAMAGED)
    def test_damage_is_named(self, name: str) -> None:
        with pytest.raises(FormatError) as caught:
            load(DAMAGED[name])
        assert str(caught.value).startswith(f"{PATH}: ")
        assert "\n" not in str(caught.value)

    @pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the memory that a process had at most")
    @pytest.mark.parametrize("name", BOMBS)
    def test_a_bomb_is_cheap(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / "bomb"
        path.write_bytes(BOMBS[name])
        done = subprocess.run([sys.executable, "-c", READ, path], cwd=ROOT, capture_output=True, text=True, check=True)
        line, loops, kilobytes = done.stdout.split("\n")
        assert line == "" or line.startswith(f"{PATH}: its pickle ")
        assert int(kilobytes) < 200 * 1024
        assert float(loops) < 300  # at most 100 by itself

    def test_a_pickle_of_gigabytes_is_not_fetched(self) -> None:
        fetched = 0

        def fetch(wanted: ByteRange) -> bytes:
            nonlocal fetched
            fetched += wanted.length
            return b"X\xf0\xff\x00\x00".ljust(65_525, b"a")[: wanted.length] * (wanted.length // 65_525 + 1)

        with pytest.raises(FormatError, match="pickle"):
            run(read_pickle(PATH, Bytes(0, b""), 2**40, Names(allows, lambda key: key)), fetch)
        assert fetched <= 2 * MAX_FETCHED

    def test_persistent_ids_reach_the_reader_of_the_format(self) -> None:
        assert load(dumps(Persistent(("storage", 1)))) == ("persistent", ("storage", 1))
        assert load(b"Pabc\n.") == ("persistent", "abc")

    @pytest.mark.parametrize("name", ["os.system", "inst", "obj"])
    def test_nothing_runs(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("os.system", lambda _: pytest.fail("ran"))
        with pytest.raises(FormatError):
            load(WANTS[name][0])

    @given(st.binary())
    def test_any_bytes(self, raw: bytes) -> None:
        assert "\n" not in refusal(raw)

    @given(st.lists(st.sampled_from(sorted(OPCODES)) | st.binary(max_size=3), max_size=60).map(b"".join))
    def test_any_opcodes(self, raw: bytes) -> None:
        assert "\n" not in refusal(raw)

    @pytest.mark.parametrize("cut", range(0, len(TestPieces.RAW), 3))
    def test_cut_anywhere(self, cut: int) -> None:
        with pytest.raises(FormatError):
            load(TestPieces.RAW[:cut])


class TestAgainstPython:
    """Where Python's own unpickler, told to build nothing, reads a pickle, the machine does too."""

    @given(st.lists(st.sampled_from(sorted(set(OPCODES) - {b"c", b"i", b"\x93"})), max_size=20).map(b"".join))
    def test_the_stack_is_handled_alike(self, opcodes: bytes) -> None:
        raw = opcodes + b"."
        try:
            # The one in Python: that in C makes room for as many objects as the largest number it is to remember one by.
            expected = pickle._Unpickler(io.BytesIO(raw)).load()
        except Exception:
            return
        if sentence := refusal(raw):
            assert "memscan" in sentence or "expected" in sentence  # a limit, or what no checkpoint holds
            return
        found = load(raw)
        assert isinstance(expected, set | frozenset | bytearray | dict) or repr(plain(found)) == repr(expected)


def test_the_names_are_spelled_once() -> None:
    assert all(allows(Global(module, name)) for module, names in NAMES.items() for name in names)
    assert LEAST < MAX_FETCHED
    assert load(dumps(Raw(b"N"))) is None
