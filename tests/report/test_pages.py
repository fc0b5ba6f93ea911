"""Pages: complete in themselves, valid, safe with the names of strangers, and the same numbers as in every other format."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memscan.cli.exit import Exit
from memscan.cli.main import run
from memscan.errors import NotFoundError
from memscan.estimate import Report, estimate_weights
from memscan.model import Origin
from memscan.note import Note
from memscan.report import Failure, renderer
from memscan.report.gates import render_gate
from memscan.report.html.modules import module_list
from tests.hub import FIXTURES, materialise
from tests.report.gates import EVERY
from tests.writers.tensors import model, tensor

HTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
TAGS = {
    *(
        HTML + name
        for name in (
            "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "section", "div", "table", "caption",
            "thead", "tbody", "tr", "th", "td", "wbr", "figure", "details", "summary", "ul", "li", "span", "footer", "pre",
        )
    ),
    *(SVG + name for name in ("svg", "title", "desc", "style", "rect", "path", "text")),
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "role", "tabindex", "aria-label", "scope", "open", "viewBox",
    "width", "height", "x", "y", "rx", "d", "xmlns",
}  # fmt: skip
NAMES = st.text(st.characters(exclude_categories=()) | st.sampled_from("<>&\"'./;:\x00\u202e]-!"), min_size=1, max_size=40)
HOSTILE = '</title></style><script>alert(1)</script><img src=x onerror="y">&lt;<!--'


def parsed(text: str):
    return html5lib.HTMLParser(strict=True).parse(text)


def checked(text: str):
    """The page, parsed without one error of HTML, with nothing in it that could ask for anything or run."""
    root = parsed(text)
    for one in root.iter():
        assert one.tag in TAGS, one.tag
        assert {name.rpartition("}")[2] for name in one.attrib} <= ATTRIBUTES, one.attrib
    return root


def cells(root) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in root.iter(f"{HTML}tr")]


def made(*tensors, name: str = "here", notes=()) -> Report:
    found = replace(model(tensors), origin=Origin(requested=name, name=name))
    report = estimate_weights(found, dtypes=None, scope="checkpoint")
    return replace(report, notes=(*report.notes, *notes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    def get(name: str) -> str:
        place = tmp_path_factory.getbasetemp() / name.replace("/", "--")
        if not place.exists():
            materialise(FIXTURES / name, place)
        return str(place)

    return get


COMMANDS = {
    "estimate": [], "layers": [], "inference": ["--device", "rtx-4090"], "training": ["--device", "2xh100", "--zero", "3"],
    "fit": ["--device", "24GiB"], "check": ["--max-memory", "1TB"],
}  # fmt: skip


class TestCommands:
    @pytest.mark.parametrize("command", COMMANDS)
    @pytest.mark.parametrize("name", ["google-bert/bert-base-cased", "Qwen/Qwen3-30B-A3B"])
    def test_each_gives_one_page(self, folder, command, name, capsys):
        assert run([command, folder(name), *COMMANDS[command], "--format", "html"]) == Exit.OK
        checked(capsys.readouterr().out)

    @pytest.mark.parametrize("command", ["estimate", "layers", "inference", "training", "fit"])
    def test_several_targets_are_one_document(self, folder, command, capsys):
        targets = [folder("google-bert/bert-base-cased"), folder("google-t5/t5-small")]
        device = ["--device", "rtx-4090"] if command == "fit" else []
        assert run([command, *targets, *device, "--format", "svg"]) == Exit.OK
        assert capsys.readouterr().out.count('<svg xmlns="http://www.w3.org/2000/svg" class="memscan"') == 2

    def test_diff(self, folder, capsys):
        targets = [folder("google-bert/bert-base-cased"), folder("google-t5/t5-small")]
        assert run(["diff", *targets, "--fail-on-growth", "5%", "--format", "html"]) == Exit.OK
        rows = cells(checked(capsys.readouterr().out))
        assert ["Bytes", "435,731,736", "242,027,520", "-193,704,216", "-44.5 %"] in rows

    @pytest.mark.parametrize(
        ("command", "output"), [("files", "html"), ("files", "svg"), ("check", "svg"), ("diff", "svg"), ("devices", "html")]
    )
    def test_where_there_is_nothing_to_draw_it_is_refused(self, command, output, capsys):
        targets = {"devices": [], "diff": ["a", "b"]}.get(command, ["a"])
        assert run([command, *targets, "--format", output]) == Exit.USAGE
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert f"'{output}' is not one of 'table'" in said

    def test_the_numbers_are_those_of_the_table(self, folder, capsys):
        target = folder("google-bert/bert-base-cased")
        run([target, "--format", "html"])
        rows = cells(checked(capsys.readouterr().out))
        run([target])
        table = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("| float", "|float", "| int", "|int"))]
        assert len(table) == 4
        for line in table:
            assert [cell.strip() for cell in line.strip("|").split("|")] in rows


class TestPolicy:
    def test_every_style_is_allowed_by_its_hash_and_nothing_else_is(self):
        root = checked(renderer("html")([made(tensor("a.w", (9,)))]))
        policy = next(one for one in root.iter(f"{HTML}meta") if one.get("http-equiv"))
        rules = dict(rule.split(" ", 1) for rule in policy.get("content").split("; "))
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
        styles = [one for one in root.iter() if one.tag in (f"{HTML}style", f"{SVG}style")]
        hashes = {f"'sha256-{b64encode(sha256(one.text.encode()).digest()).decode()}'" for one in styles}
        assert len(styles) > 2
        assert hashes == set(rules["style-src"].split())

    def test_the_policy_stands_before_what_it_is_about(self):
        text = renderer("html")([made(tensor("a.w", (9,)))])
        assert text.index("Content-Security-Policy") < min(text.index("<style"), text.index("<title"))


class TestStrangers:
    @given(st.lists(NAMES, min_size=1, max_size=6, unique=True), NAMES, NAMES)
    @settings(max_examples=25, deadline=None)
    def test_no_name_is_markup(self, names, origin, note):
        tensors = [tensor(name, (7,)) for name in names]
        checked(renderer("html")([made(*tensors, name=origin, notes=[Note(code="x", message=note)])]))

    def test_a_hostile_name_is_words(self):
        report = made(tensor(f"{HOSTILE}.a", (9,)), name=HOSTILE, notes=[Note(code="x", message=HOSTILE)])
        failure = Failure(requested=HOSTILE, code=3, error=NotFoundError(HOSTILE))
        root = checked(renderer("html")([report, failure]))
        assert [("".join(one.itertext())) for one in root.iter(f"{HTML}h2")] == [HOSTILE, HOSTILE]

    @pytest.mark.parametrize("name", EVERY)
    def test_gates(self, name):
        checked(render_gate(EVERY[name], "html"))

    def test_the_size_is_bounded(self):
        name = "&" * 70
        for tensors in (
            [tensor(f"{name}{index}.a", (index % 7 + 1,)) for index in range(100_000)],
            [tensor(f"m{index % 50}.{name}{index % 5000}.a.b{index}", (index + 1,)) for index in range(100_000)],
        ):
            assert len(renderer("html")([made(*tensors)]).encode()) < 1_000_000


class TestModules:
    def test_equal_numbered_blocks_are_one_line(self):
        report = made(*(tensor(f"layers.{index}.{name}.w", (256,)) for index in range(12) for name in ("a", "b")))
        text = re.sub("<[^>]+>", " ", module_list(report))
        assert "0 to 11   24.0 KiB, 12 x 2.0 KiB, 100.0%, 6.14 K parameters" in text

    def test_what_is_left_out_is_counted(self):
        report = made(*(tensor(f"m{index}.w", (index + 1,)) for index in range(1000)))
        rest = sum(4 * (index + 1) for index in range(400))
        assert f"400 smaller modules: {rest / 1024:.2f} KiB" in module_list(report)

    def test_a_list_opens_with_the_keyboard(self):
        root = checked(renderer("html")([made(tensor("a.b.c.w", (9,)), tensor("a.d.w", (9,)))]))
        assert all(one[0].tag == f"{HTML}summary" for one in root.iter(f"{HTML}details"))
        assert all(one.get("tabindex") == "0" and one.get("aria-label") for one in root.iter(f"{HTML}div") if one.get("role"))
