"""The file of a snapshot: what is written is read, and anything else is a FormatError, within bounded memory."""

import asyncio
import hashlib
import json
import tracemalloc
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memscan import FormatError, MemscanError, NotFoundError, TargetError, UsageError, scan
from memscan.read import ByteRange
from memscan.report import FORMATS, renderer
from memscan.source import Sources, recorded_target
from memscan.source.archive import HEAD, MAGIC, MAX_ARCHIVE, MAX_MANIFEST, START, VERSION, pack, unpack
from memscan.source.base import Listing, Place
from memscan.source.blobs import Blobs
from memscan.source.record import Extent, Piece, Record
from memscan.source.snapshot import MAX_RECORDS, open_record, parse_snapshot, read_snapshot, write_snapshot

from .models import CONFIG, weights

FILES = {"model.safetensors": weights("a", "b"), "config.json": CONFIG}
MEMORY = 2_000_000  # bytes that a small stranger's file may take while it is opened


def record(**over: object) -> Record:
    """A record of FILES, whole; the first blob is the first file."""
    listing = Listing(
        name="org/name", files={path: len(data) for path, data in FILES.items()}, repo_id="org/name", commit="c" * 40
    )
    pieces = {path: (Piece.of(0, (Extent(number, 0, len(data)),)),) for number, (path, data) in enumerate(FILES.items())}
    return Record(**{
        "place": Place.HUB, "requested": "org/name", "repo_id": "org/name", "revision": None, "path": None, "listing": listing,
        "failure": None, "conversion": None, "pieces": pieces, **over,
    })  # fmt: skip


GOOD = write_snapshot([record()], list(FILES.values()))


def sealed(manifest: bytes, rest: bytes = b"", *, nbytes: int | None = None, version: int = VERSION) -> bytes:
    """A file whose checksum is right, whatever it says."""
    head = HEAD.pack(MAGIC, version, len(manifest), 0 if nbytes is None else nbytes)
    return head + hashlib.sha256(head + manifest + rest).digest() + manifest + rest


def said(manifest: object, *blobs: bytes) -> bytes:
    """A file with a manifest that somebody wrote by hand."""
    text = json.dumps(manifest).encode() if not isinstance(manifest, bytes) else manifest
    return sealed(zlib.compress(text), b"".join(zlib.compress(blob) for blob in blobs), nbytes=len(text))


def as_json(**over: object) -> dict[str, object]:
    """The manifest of GOOD with other values in its record."""
    manifest = json.loads(zlib.decompress(GOOD[START:][: HEAD.unpack_from(GOOD)[2]]))
    manifest["records"][0].update(over)
    return manifest


def read_all(raw: bytes) -> None:
    """Open `raw` and read all that it says it has."""

    async def read() -> None:
        snapshot = parse_snapshot(raw, "x.memscan")
        source = open_record(snapshot, snapshot.record.place, snapshot.record.requested, snapshot.record.revision)
        async with source:
            listing = await source.listing()
            for path, pieces in snapshot.record.pieces.items():
                for piece in pieces:
                    wanted = ByteRange(piece.start, min(piece.stop - piece.start, 100_000))
                    assert len(await source.fetch(path, wanted)) == wanted.length
            assert isinstance(listing.files, Mapping)

    asyncio.run(read())


class TestRoundTrip:
    def test_what_is_written_is_read(self):
        snapshot = parse_snapshot(GOOD, "x.memscan")
        listing = snapshot.listing
        assert (listing.name, listing.commit, listing.files, listing.readahead) == (
            "org/name", "c" * 40, {path: len(data) for path, data in FILES.items()}, 0,
        )  # fmt: skip
        assert snapshot.record.pieces == record().pieces
        read_all(GOOD)

    def test_a_failure_is_kept(self):
        failed = record(requested="hf://org/base", listing=None, failure=NotFoundError("org/base was not found"), pieces={})
        snapshot = parse_snapshot(write_snapshot([record(), failed], list(FILES.values())), "x.memscan")
        found = snapshot.find(Place.HUB, "hf://org/base", None)
        assert found is not None
        with pytest.raises(NotFoundError, match=r"^org/base was not found$"):
            asyncio.run(open_record(snapshot, *found.key).listing())
        with pytest.raises(TargetError, match=r"x\.memscan holds nothing of 'hf://org/other'"):
            open_record(snapshot, Place.HUB, "hf://org/other", None)

    @given(st.lists(st.binary(max_size=200), max_size=5), st.text(max_size=20))
    def test_any_values(self, blobs: list[bytes], word: str):
        archive = unpack(pack({"word": word}, blobs), "x")
        assert archive.manifest.values["word"] == word
        assert [archive.blob(number) for number in range(len(blobs))] == blobs

    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=12), st.data())
    def test_any_extents_and_ranges(self, parts: list[tuple[int, int]], data: st.DataObject):
        """Blobs, holes and shares of blobs in any order give the bytes that they stand for."""
        blobs = [bytes([65 + number]) * 40 for number in range(3)]
        extents = tuple(Extent(None if blob == 3 else blob, 0, length) for blob, length in parts if length)
        whole = b"".join(bytes(e.length) if e.blob is None else blobs[e.blob][: e.length] for e in extents)
        listing = Listing(name="x", files={"f": len(whole) + 7})
        raw = write_snapshot([record(listing=listing, pieces={"f": (Piece.of(7, extents),)})], blobs)
        start = data.draw(st.integers(0, len(whole)))
        length = data.draw(st.integers(0, len(whole) - start))
        snapshot = parse_snapshot(raw, "x.memscan")
        source = open_record(snapshot, *snapshot.record.key)
        assert asyncio.run(source.fetch("f", ByteRange(7 + start, length))) == whole[start : start + length]
        for wanted in (ByteRange(6, 1), ByteRange(7 + start, len(whole) - start + 1)):
            with pytest.raises(TargetError, match="holds no bytes"):
                asyncio.run(source.fetch("f", wanted))


class TestBlobs:
    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=20)
    @given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 70_000)), max_size=8), st.booleans())
    def test_what_is_cut_up_is_put_together(self, parts: list[tuple[int, bool, int]], hollow: bool):
        """Pieces that share stretches, at any places; where hollow, only noise is left out."""
        import random

        stretches = [random.Random(seed).randbytes(400_000).hex().encode() for seed in range(2)]
        stretches += [random.Random(seed).randbytes(50_000) for seed in range(2)] + [b"\x01\0\0\0" * 100_000, b""]
        blobs = Blobs()
        for number in range(2):
            data = stretches[0] + b"".join(stretches[which][skip * same :] for which, same, skip in parts[number:])
            extents = blobs.add(data, hollow=hollow)
            position = 0
            for extent in extents:
                own = data[position : position + extent.length]
                if extent.blob is None:
                    assert len(zlib.compress(own)) > 0.9 * len(own)
                else:
                    assert blobs.contents[extent.blob][extent.start : extent.start + extent.length] == own
                position += extent.length
            assert position == len(data)

    def test_the_same_bytes_are_one_blob(self):
        blobs = Blobs()
        assert blobs.add(b"abc", hollow=True) == blobs.add(b"abc", hollow=False) == (Extent(0, 0, 3),)
        assert blobs.add(b"", hollow=True) == ()


class TestDamage:
    def test_every_length(self):
        for length in range(len(GOOD)):
            with pytest.raises(FormatError, match=r"x\.memscan (is cut off|is damaged or cut off|is no snapshot)"):
                parse_snapshot(GOOD[:length], "x.memscan")

    def test_every_bit(self):
        for place in range(len(GOOD)):
            for bit in range(8):
                flipped = bytearray(GOOD)
                flipped[place] ^= 1 << bit
                with pytest.raises(FormatError):
                    parse_snapshot(bytes(flipped), "x.memscan")

    def test_more_behind_it(self):
        with pytest.raises(FormatError, match="damaged"):
            parse_snapshot(GOOD + b"\0", "x.memscan")

    def test_the_words(self):
        cases = {
            b"": "is no snapshot of memscan: it starts with b'', expected",
            b"PK\x03\x04" + bytes(99): "is no snapshot of memscan",
            GOOD.replace(b"\r\n\x1a\n", b"\n\x1a\n", 1): "is no snapshot of memscan",
            sealed(b"", version=2): "is a snapshot of version 2, and this memscan reads 1; take it again",
            sealed(b"", version=2**32 - 1): "is a snapshot of version 4,294,967,295",
            sealed(b"no zlib", nbytes=9): "the manifest is not compressed as zlib does",
            sealed(zlib.compress(b"{}"), nbytes=3): "the manifest does not have the 3 bytes that are promised",
            sealed(zlib.compress(b"{}"), nbytes=1): "the manifest does not have the 1 bytes",
            sealed(zlib.compress(b"{}")[:-2], nbytes=2): "the manifest does not have the 2 bytes",
            sealed(zlib.compress(b"{}") + b"x", nbytes=2): "the manifest does not have the 2 bytes",
            sealed(b"", nbytes=MAX_MANIFEST + 1): f"the manifest has {MAX_MANIFEST + 1:,} bytes, more than",
            said(b"[]"): "the manifest is a list, expected a JSON object",
            said(b"nope"): "the manifest is not JSON",
            said({}): "'blobs' is no list",
            said({"blobs": [[1, 2, 3]]}): "a blob has the sizes [1, 2, 3]",
            said({"blobs": [[9, 1]]}): "a blob has the sizes [9, 1]",
            said({"blobs": []}, b"x"): "the blobs end at byte",
            said({"blobs": []}): "the manifest has 0 records",
            said({"blobs": [], "records": [{}] * (MAX_RECORDS + 1)}): f"the manifest has {MAX_RECORDS + 1} records",
        }
        for raw, words in cases.items():
            with pytest.raises(FormatError) as refused:
                parse_snapshot(raw, "x.memscan")
            assert words in str(refused.value)
            assert "\n" not in str(refused.value)

    @pytest.mark.parametrize(
        ("over", "words"),
        [
            ({"place": "moon"}, "'place' is 'moon', expected one of hub, url, local"),
            ({"place": None}, "'place' is None"),
            ({"requested": ""}, "'requested' is missing"),
            ({"requested": 3}, "'requested' is an integer (3), expected a string"),
            ({"path": "../x"}, "names '../x', which is no path inside a folder"),
            ({"path": "/etc"}, "names '/etc', which is no path inside a folder"),
            ({"failure": ["KeyError", "x"], "listing": None}, "expected the name of an error and its message"),
            ({"failure": ["UsageError", "x"], "listing": None}, "expected the name of an error and its message"),
            ({"failure": ["NotFoundError", "x"]}, "has to have either a listing or a failure"),
            ({"listing": None}, "has to have either a listing or a failure"),
            ({"failure": ["NotFoundError", "x"], "listing": None}, "says that its own target could not be read"),
            ({"listing": {"name": "x", "notes": [], "files": {"a/../b": 1}}}, "names 'a/../b'"),
            ({"listing": {"name": "x", "notes": [], "files": {"a\0b": 1}}}, "names 'a\\x00b'"),
            ({"listing": {"name": "x", "notes": [], "files": {"": 1}}}, "names ''"),
            ({"listing": {"name": "x", "notes": [], "files": {"a": -1}}}, "'a' has the size -1"),
            ({"listing": {"name": "x", "notes": [], "files": {"a": True}}}, "'a' has the size True"),
            ({"listing": {"name": "x", "notes": [], "files": {"a": 2**63}}}, "has the size 9223372036854775808"),
            ({"listing": {"name": "x", "notes": [["a"]], "files": {}}}, "a note is ['a']"),
            ({"listing": {"name": "x", "files": {}}}, "'notes' is None"),
            ({"listing": {"name": "x", "notes": []}}, "lists no files"),
            ({"pieces": {"gone": []}}, "'gone' is not in the listing"),
            ({"pieces": {"config.json": 3}}, "'config.json' is not in the listing, or has no list"),
            ({"pieces": {"config.json": [[]]}}, "a piece is [], expected where it starts"),
            ({"pieces": {"config.json": [[-1, [1]]]}}, "a piece is [-1, [1]]"),
            ({"pieces": {"config.json": [[0, [9, 0, 1]]]}}, "an extent is [9, 0, 1], which is in no blob"),
            ({"pieces": {"config.json": [[0, [0, -1, 1]]]}}, "an extent is [0, -1, 1]"),
            ({"pieces": {"config.json": [[0, [1, 1, len(CONFIG)]]]}}, f"an extent is [1, 1, {len(CONFIG)}]"),
            ({"pieces": {"config.json": [[0, [0]]]}}, "an extent is [0]"),
            ({"pieces": {"config.json": [[0, [2**62], [2**62]]]}}, f"a piece ends at byte {2**63:,} of a file of {len(CONFIG)}"),
            ({"pieces": {"config.json": [[0, [5]], [4, [1]]]}}, "a piece starts at byte 4, before the one in front of it ends"),
            ({"pieces": None}, "has no pieces"),
        ],
    )  # fmt: skip
    def test_a_manifest_that_cannot_be(self, over, words):
        raw = said(as_json(**over), *FILES.values())
        with pytest.raises(FormatError) as refused:
            parse_snapshot(raw, "x.memscan")
        assert words in str(refused.value)

    def test_two_records_of_one_target(self):
        manifest = as_json()
        manifest["records"] *= 2
        with pytest.raises(FormatError, match="two records of one target"):
            parse_snapshot(said(manifest, *FILES.values()), "x.memscan")


class TestStrangers:
    @given(st.binary(max_size=300))
    def test_any_bytes(self, raw: bytes):
        for data in (raw, MAGIC + raw, HEAD.pack(MAGIC, VERSION, len(raw), 9) + raw, sealed(zlib.compress(raw), nbytes=len(raw))):
            with pytest.raises(FormatError, match=r"x\.memscan"):
                parse_snapshot(data, "x.memscan")

    @settings(deadline=None, max_examples=150)
    @given(st.data())
    def test_any_manifest_under_a_right_checksum(self, data: st.DataObject):
        """Values that somebody put into a good manifest give a snapshot, which gives its bytes, or a MemscanError."""
        manifest = as_json()
        places = list(_places(manifest))
        for _ in range(data.draw(st.integers(1, 3))):
            holder, key = data.draw(st.sampled_from(places))
            scalars = st.none() | st.booleans() | st.integers(-2, 2**64) | st.floats() | st.text(max_size=4)
            holder[key] = data.draw(
                scalars | st.lists(st.integers(0, 300) | st.lists(st.integers(0, 300), max_size=3), max_size=3)
            )
        raw = said(manifest, *FILES.values())
        with suppress(MemscanError):
            read_all(raw)
        with suppress(MemscanError), TemporaryDirectory() as folder:
            (Path(folder) / "x.memscan").write_bytes(raw)
            report = scan(Path(folder) / "x.memscan")
            assert all(renderer(output)([report]) for output in FORMATS)

    def test_a_manifest_that_grows(self):
        bomb = zlib.compress(bytes(50_000_000), 9)
        for nbytes in (10, MAX_MANIFEST, MAX_MANIFEST + 1, 2**63):
            _bounded(sealed(bomb, nbytes=nbytes), MEMORY + (2 * MAX_MANIFEST if nbytes <= MAX_MANIFEST else 0))

    def test_a_blob_that_grows(self):
        blob = zlib.compress(bytes(50_000_000), 9)
        listing = {"name": "x", "notes": [], "files": {"f": 50_000_000}}
        text = {**as_json(listing=listing, pieces={"f": [[0, [0, 0, 10]]]}), "blobs": [[len(blob), 10]]}
        raw = json.dumps(text).encode()
        _bounded(sealed(zlib.compress(raw), blob, nbytes=len(raw)), MEMORY)

    def test_a_hole_of_exabytes(self):
        listing = {"name": "x", "notes": [], "files": {"f": 2**62}}
        raw = said(as_json(listing=listing, pieces={"f": [[0, [2**62]]]}), *FILES.values())
        tracemalloc.start()
        try:
            read_all(raw)
            assert tracemalloc.get_traced_memory()[1] < MEMORY
        finally:
            tracemalloc.stop()

    def test_one_blob_in_millions_of_places(self):
        """What is unpacked again and again has an end."""
        from memscan.source import snapshot as module

        big = bytes(module.MAX_HELD // 2 + 1)
        listing = {"name": "x", "notes": [], "files": {"f": 2_000}}
        extents = [[number % 2, 0, 1] for number in range(2_000)]
        raw = said({**as_json(listing=listing, pieces={"f": [[0, *extents]]}),
                    "blobs": [[len(zlib.compress(big)), len(big)]] * 2}, big, big)  # fmt: skip
        with pytest.raises(FormatError, match="in too many places"):
            read_all(raw)

    def test_a_target_of_a_stranger_reads_nothing_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """A manifest may name any folder: nothing of it is opened."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "model.safetensors").write_bytes(weights("secret"))
        raw = said(as_json(place="local", requested=str(tmp_path), pieces={}), *FILES.values())
        (tmp_path / "x.memscan").write_bytes(raw)
        with pytest.raises(TargetError, match="holds no bytes"):
            scan("x.memscan")

    def test_words_that_would_repaint_a_terminal(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        from memscan.cli.main import run

        word = "\x1b[2J=1+1\u202e"
        (tmp_path / "x.memscan").write_bytes(said(as_json(requested=word), *FILES.values()))
        for output in ("table", "markdown", "csv", "json"):
            assert run([str(tmp_path / "x.memscan"), "--format", output]) == 0
            out = capsys.readouterr().out
            assert "\x1b" not in out
            assert not any(line.startswith(("=", '"=')) for line in out.splitlines())


class TestReading:
    def test_a_file_that_is_not_there(self):
        with pytest.raises(NotFoundError, match=r"no file or folder 'gone\.memscan' here"):
            scan("gone.memscan")

    def test_a_file_that_is_none(self, tmp_path: Path):
        (tmp_path / "x.memscan").write_bytes(weights("a"))
        with pytest.raises(FormatError, match=r"x\.memscan is no snapshot of memscan: it starts with"):
            scan(tmp_path / "x.memscan")

    def test_a_file_that_is_too_large(self, tmp_path: Path):
        with (tmp_path / "x.memscan").open("wb") as file:
            file.write(MAGIC)
            file.truncate(MAX_ARCHIVE + 1)
        tracemalloc.start()
        try:
            with pytest.raises(FormatError, match=f"more than the {MAX_ARCHIVE:,} that memscan reads"):
                read_snapshot(tmp_path / "x.memscan", "x.memscan")
            assert tracemalloc.get_traced_memory()[1] < MEMORY
        finally:
            tracemalloc.stop()

    def test_a_folder_of_that_name_is_a_folder(self, tmp_path: Path):
        folder = tmp_path / "x.memscan"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(FILES["model.safetensors"])
        assert scan(folder).model.origin.name == str(folder)

    def test_a_revision(self, tmp_path: Path):
        (tmp_path / "x.memscan").write_bytes(GOOD)
        assert scan(tmp_path / "x.memscan", revision="c" * 40).model.origin.commit == "c" * 40
        with pytest.raises(UsageError, match="of one revision, which is not 'main'"):
            scan(tmp_path / "x.memscan", revision="main")

    def test_it_is_opened_without_a_network(self):
        async def read() -> dict[str, int]:
            async with (
                Sources(cache=False, offline=True) as sources,
                sources.open(recorded_target(parse_snapshot(GOOD, "x"))) as one,
            ):
                assert await one.bundle("x") is None
                assert await one.conversion() is None
                assert await one.read("config.json", 1_000) == CONFIG
                with pytest.raises(FormatError, match="more than the 5 that memscan reads"):
                    await one.read("config.json", 5)
                return dict((await one.listing()).files)

        assert list(asyncio.run(read())) == list(FILES)


def _places(value: object) -> list[tuple[object, object]]:
    """Every place of a value in a manifest: what holds it, and its key."""
    found: list[tuple[object, object]] = []
    values = [value]
    while values:
        last = values.pop()
        keys = list(last) if isinstance(last, dict) else list(range(len(last))) if isinstance(last, list) else []
        found.extend((last, key) for key in keys)
        values.extend(last[key] for key in keys)
    return found


def _bounded(raw: bytes, memory: int) -> None:
    """Opening and reading `raw` ends with a FormatError and takes at most `memory` bytes."""
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            read_all(raw)
        assert tracemalloc.get_traced_memory()[1] < memory
    finally:
        tracemalloc.stop()
