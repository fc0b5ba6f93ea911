"""Pictures: their numbers are the report's, nothing of a stranger is markup in them, and everybody can read them."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memscan
from memscan.bills import Workload, moments
from memscan.devices import builtin, parse_device
from memscan.estimate import Report, estimate_weights
from memscan.fit import over_context, what_fits
from memscan.model import Origin
from memscan.report.picture import NARROW, WIDE, bill_picture, context_picture, stacked, tree_picture
from memscan.report.picture.bars import bill_drawing
from memscan.report.picture.branches import branches, kind_of, leaves
from memscan.report.picture.curve import context_drawing
from memscan.report.picture.drawing import Box
from memscan.report.picture.kinds import Kind, sums
from memscan.report.picture.kinds import kind_of as kind_of_line
from memscan.report.picture.lettering import fitted, width
from memscan.report.picture.plan import plan
from memscan.report.picture.scale import ticks
from memscan.report.picture.squarify import squarify, strips
from memscan.report.picture.style import DARK, LIGHT, Theme
from memscan.report.picture.treemap import tree_drawing
from memscan.scanning import scan
from tests.hub import FIXTURES, materialise
from tests.parts.layouts import lay, pipeline
from tests.writers.tensors import model, tensor

SVG = "{http://www.w3.org/2000/svg}"
TAGS = {f"{SVG}{name}" for name in ("svg", "title", "desc", "style", "rect", "path", "text")}
ATTRIBUTES = {"class", "role", "viewBox", "width", "height", "x", "y", "rx", "d"}
MODELS = (
    "google-bert/bert-base-cased", "bigscience/bloom", "Qwen/Qwen3-30B-A3B", "timm/resnet50.a1_in1k", "google-t5/t5-small",
    "sentence-transformers/all-MiniLM-L6-v2", "TheBloke/Llama-2-7B-GPTQ",
)  # fmt: skip
GPU = parse_device("rtx-4090", builtin()).device
NAMES = st.text(st.characters(exclude_categories=()) | st.sampled_from("<>&\"'./;:\x00\u202e]-!"), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    found: dict[str, Report] = {}

    def get(name: str) -> Report:
        if name not in found:
            folder = tmp_path_factory.mktemp("model")
            materialise(FIXTURES / name, folder)
            found[name] = scan(str(folder))
        return found[name]

    return get


def made(*tensors, name: str = "here") -> Report:
    found = model(tensors)
    return estimate_weights(replace(found, origin=Origin(requested=name, name=name)), dtypes=None, scope="checkpoint")


def elements(picture: str) -> list[ET.Element]:
    return list(ET.fromstring(picture).iter())


def words(picture: str) -> str:
    return " ".join("".join(one.itertext()) for one in elements(picture) if one.tag in (f"{SVG}text", f"{SVG}desc"))


class TestBytes:
    @pytest.mark.parametrize("name", MODELS)
    @pytest.mark.parametrize("box", [Box(x=0, y=0, width=900, height=500), Box(x=0, y=0, width=300, height=560)])
    def test_the_tiles_sum_to_the_total(self, report, name, box):
        found = report(name)
        total = found.scopes[found.scope].nbytes
        root = branches(found)
        assert root.nbytes == sum(leaf.nbytes for leaf in leaves(root)) == total
        assert sum(tile.branch.nbytes for tile in plan(root, box) if not tile.group) == total

    @pytest.mark.parametrize("name", MODELS)
    def test_the_key_sums_to_the_total(self, report, name):
        *rows, last = tree_drawing(report(name)).rows
        assert sum(int(row[1].replace(",", "")) for row in rows) == int(last[1].replace(",", ""))

    @given(st.lists(st.integers(1, 1 << 40), min_size=1, max_size=60))
    @settings(max_examples=60, deadline=None)
    def test_areas_are_in_proportion(self, amounts):
        box = Box(x=3, y=5, width=800, height=300)
        for lay_out in (squarify, strips):
            ordered = sorted(amounts, reverse=True)
            boxes = lay_out(ordered, box)
            for amount, one in zip(ordered, boxes, strict=True):
                assert one.area == pytest.approx(box.area * amount / sum(ordered), rel=1e-4, abs=1e-4)
                assert one.x >= box.x - 1e-6
                assert one.y + one.height <= box.y + box.height + 1e-3

    def test_tiles_of_a_group_are_inside_it_and_do_not_overlap(self, report):
        tiles = plan(branches(report("bigscience/bloom")), Box(x=0, y=0, width=900, height=500))
        boxes = [tile.box for tile in tiles if not tile.group]
        for index, one in enumerate(boxes):
            for other in boxes[index + 1 :]:
                across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
                down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
                assert across <= 1e-6 or down <= 1e-6

    def test_the_parts_of_a_pipeline_come_first(self, tmp_path):
        found = scan(str(lay(tmp_path, pipeline())))
        root = branches(found)
        assert {one.kind: one.nbytes for one in root.branches} == {
            part.name: part.checkpoint.nbytes for part in found.model.parts
        }

    @pytest.mark.parametrize("name", MODELS[:5])
    @pytest.mark.parametrize("estimate", [memscan.estimate_inference, memscan.estimate_training])
    def test_the_segments_of_a_bar_sum_to_the_moment(self, report, name, estimate):
        bill = estimate(report(name), device="rtx-4090")
        for one in moments(bill.items):
            found = sums(bill.items, one.phase)
            assert (sum(part.nbytes for part in found), sum(part.low for part in found)) == (one.nbytes, one.low)
            assert sum(part.high for part in found) == one.high
        drawn = [row for row in bill_drawing([bill]).rows if row[1] == "sum"]
        assert [int(row[2].replace(",", "")) for row in drawn] == [one.nbytes for one in moments(bill.items)]

    @pytest.mark.parametrize("name", MODELS[:5])
    def test_only_drivers_and_buffers_are_the_rest(self, report, name):
        for estimate in (memscan.estimate_inference, memscan.estimate_training):
            rest = {item.name for item in estimate(report(name)).items if kind_of_line(item) is Kind.REST}
            assert rest <= {"CUDA context", "allocator rounding", "fragmentation"}


class TestContext:
    def test_each_point_is_the_bill_at_that_context(self, report):
        found = over_context(report("Qwen/Qwen3-30B-A3B"), Workload(context=4096), GPU, points=5)
        assert 4096 in [one.context for one in found.points]
        for point in found.points:
            bill = memscan.estimate_inference(report("Qwen/Qwen3-30B-A3B"), context=point.context, device="rtx-4090")
            assert (point.items, point.peak) == (bill.items, bill.peak)
        assert found.points[-1].context == found.longest

    def test_where_the_line_of_the_device_is_crossed(self, report):
        found = over_context(report("google-t5/t5-small"), Workload(), parse_device("1GiB", builtin()).device)
        (row,) = what_fits(report("google-t5/t5-small"), device="1GiB", dtypes=["float32"]).rows
        assert found.fits == row.context
        assert f"{found.fits.number:,} tokens fit" in words(context_picture(found))

    def test_what_the_context_does_not_change(self, report):
        found = over_context(report("timm/resnet50.a1_in1k"), Workload())
        assert not found.grows
        assert "The context changes nothing" in words(context_picture(found))

    def test_the_table_has_every_point(self, report):
        found = over_context(report("google-bert/bert-base-cased"), Workload(), points=9)
        rows = context_drawing(found).rows
        assert [int(row[-1].replace(",", "")) for row in rows] == [one.peak.nbytes for one in found.points]


class TestWords:
    def test_over_and_under_are_said(self, report):
        for name, said in (("bigscience/bloom", "does not fit"), ("google-bert/bert-base-cased", "fits; ")):
            assert said in words(bill_picture(memscan.estimate_inference(report(name), device="rtx-4090")))

    def test_what_is_not_known_is_said_and_drawn(self, report):
        picture = bill_picture(memscan.estimate_inference(report("timm/resnet50.a1_in1k")))
        assert "Not known: activations" in words(picture)
        assert "at least" in words(picture)
        assert [one for one in elements(picture) if one.get("class") == "none"]

    def test_what_the_cpu_holds_has_a_bar(self, report):
        bill = memscan.estimate_training(report("bigscience/bloom"), zero=3, gpus=8, offload="optimizer")
        held = sum(item.nbytes for item in bill.host)
        rows = [row for row in bill_drawing([bill]).rows if "CPU" in row[0]]
        assert [int(row[2].replace(",", "")) for row in rows if row[1] == "sum"] == [held]

    def test_several_bills_are_one_picture(self, report):
        found = report("google-bert/bert-base-cased")
        picture = bill_picture([memscan.estimate_inference(found), memscan.estimate_training(found)])
        assert elements(picture)[1].text == "Memory for inference and training of " + found.model.origin.name

    @pytest.mark.parametrize("size", [WIDE, NARROW])
    def test_no_words_leave_the_picture(self, report, size):
        for name in MODELS[:4]:
            for picture in (
                tree_picture(report(name), width=size),
                bill_picture(memscan.estimate_training(report(name), device="rtx-4090"), width=size),
                context_picture(over_context(report(name), Workload(), GPU), width=size),
            ):
                for one in (one for one in elements(picture) if one.tag == f"{SVG}text"):
                    kind, x, room = one.get("class", ""), float(one.get("x")), width(one.text, 11)
                    left = x - (room if "end" in kind else room / 2 if "middle" in kind else 0)
                    assert left >= -6, one.text
                    assert left + room <= size + 6, one.text

    def test_a_title_a_description_and_a_role(self, report):
        root = ET.fromstring(tree_picture(report("google-bert/bert-base-cased")))
        assert root.get("role") == "img"
        assert [one.tag for one in root][:2] == [f"{SVG}title", f"{SVG}desc"]
        assert "413.18 MB" in root[1].text

    def test_nothing_at_all(self):
        assert "no tensor takes a byte" in words(tree_picture(made()))

    def test_labels_are_cut_before_they_are_too_wide(self):
        assert fitted("embeddings", 200, 12) == "embeddings"
        assert fitted("embeddings", 60, 12).endswith("\u2026")
        assert fitted("embeddings", 10, 12) == ""

    @given(st.integers(1, 1 << 60), st.integers(2, 9))
    def test_an_axis_has_few_round_marks(self, most, count):
        found = ticks(most, count)
        assert found[0] == 0
        assert found[-1] <= most
        assert len(found) <= count + 1

    def test_blocks_of_one_make_are_one_kind(self):
        assert kind_of("model.layers.17.mlp.gate_proj") == "model.layers.*.mlp"
        assert kind_of("layers.3.mlp.experts.5.up_proj") == "layers.*.mlp.experts"
        assert kind_of("decoder.block.0.layer.2.DenseReluDense") == "decoder.block.*.layer.*.DenseReluDense"


class TestStrangers:
    @given(st.lists(NAMES, min_size=1, max_size=6, unique=True), NAMES)
    @settings(max_examples=150, deadline=None)
    def test_no_name_is_markup(self, names, origin):
        picture = tree_picture(made(*(tensor(name, (7,)) for name in names), name=origin))
        for one in elements(picture):
            assert one.tag in TAGS
            assert set(one.attrib) <= ATTRIBUTES

    def test_a_hostile_name(self):
        name = '</title><script>alert(1)</script><a href="javascript:x" onload="y">.]]><!--'
        picture = tree_picture(made(tensor(f"{name}.weight", (9,)), tensor("b.weight", (9,)), name=name))
        assert "<script" not in picture
        assert {one.tag for one in elements(picture)} <= TAGS

    def test_sizes_are_bounded(self):
        many = {
            "flat": [tensor(f"{'&' * 50}{index}", (index % 7 + 1,)) for index in range(100_000)],
            "deep": [tensor(f"m{index % 50}.{'<' * 60}{index % 5000}.a.b{index}", (index + 1,)) for index in range(100_000)],
            "blocks": [tensor(f"layers.{index // 1000}.{'&' * 40}.experts.{index}.w", (9,)) for index in range(100_000)],
        }
        for tensors in many.values():
            found = made(*tensors)
            for size in (WIDE, NARROW):
                picture = tree_picture(found, width=size)
                assert len(picture.encode()) < 300_000
                ET.fromstring(picture)

    def test_the_same_bytes_in_every_run(self, report):
        program = (
            "import sys, memscan\nfrom memscan.report.picture import *\nr = memscan.scan(sys.argv[1])\n"
            "print(tree_picture(r), bill_picture(memscan.estimate_training(r)))"
        )
        folder = report("google-bert/bert-base-cased").model.origin.name
        runs = {
            subprocess.run(
                [sys.executable, "-c", program, folder], capture_output=True, check=True,
                env={**os.environ, "PYTHONHASHSEED": seed},
            ).stdout
            for seed in ("1", "2", "3")
        }  # fmt: skip
        assert len(runs) == 1


class TestKey:
    def test_every_area_of_every_moment_has_its_key(self, report):
        bill = memscan.estimate_training(report("bigscience/bloom"), zero=3, gpus=8)
        drawn = {part.kind.value for one in moments(bill.items) for part in sums(bill.items, one.phase)}
        said = [one.text for one in elements(bill_picture(bill)) if one.get("class") == "ink"]
        assert drawn <= set(said)


class TestStacked:
    def test_several_targets_are_one_document(self):
        picture = stacked([tree_drawing(made(tensor("a.w", (9,)), name=name)) for name in ("one", "two")])
        root = ET.fromstring(picture)
        first, second = root
        assert float(second.get("y")) >= float(first.get("y")) + float(first.get("height"))
        assert [one[0].text for one in root] == ["Where the bytes of one are", "Where the bytes of two are"]

    def test_nothing_is_a_document_too(self):
        assert ET.fromstring(stacked([])).tag == f"{SVG}svg"


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2.2."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
class TestContrast:
    def test_words_are_readable_on_everything_that_they_stand_on(self, theme: Theme):
        for ground in (theme.paper, theme.frame, *theme.fills.values()):
            assert contrast(theme.ink, ground) >= 4.5
        for ground in (theme.paper, theme.frame):
            assert contrast(theme.quiet, ground) >= 4.5
            assert contrast(theme.mark, ground) >= 4.5

    def test_areas_are_seen_against_the_paper(self, theme: Theme):
        for name, edge in theme.edges.items():
            assert contrast(edge, theme.paper) >= 3, name
        assert contrast(theme.mark, theme.paper) >= 3


def test_a_page_may_decide_itself():
    style = re.search("<style>(.*?)</style>", tree_picture(made(tensor("a.w", (9,)))))[1]
    assert f".memscan .paper{{fill:{LIGHT.paper}}}" in style
    assert f".dark .memscan .paper{{fill:{DARK.paper}}}" in style
    assert f".memscan:not(.light):not(.light *):not(.themed *) .paper{{fill:{DARK.paper}}}" in style
