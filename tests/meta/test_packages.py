"""What is missing for a library is known without importing it, and said in one sentence."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from memscan.errors import TargetError, UsageError
from memscan.meta import advice, available, build, missing
from memscan.meta.build import BUILDERS
from memscan.meta.packages import NEEDS

ALL = sorted({name for names in NEEDS.values() for name in names})


@pytest.fixture
def without(monkeypatch):
    """Make packages look as if they were not installed."""

    def hide(*names):
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


@pytest.fixture
def with_all(monkeypatch, tmp_path):
    """Make every package findable; importing one would fail."""
    for name in ALL:
        monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)


def test_every_library_has_its_needs():
    assert BUILDERS.keys() == NEEDS.keys()


@pytest.mark.parametrize("library", NEEDS)
def test_a_library_with_its_packages_is_available(library, with_all):
    assert missing(library) == ()
    assert available(library)


@pytest.mark.parametrize(
    ("library", "hidden", "sentence"),
    [
        ("transformers", ALL,
         "to build a model with transformers, torch and transformers are missing: pip install 'memscan[torch]'"),
        ("transformers", ["transformers"],
         "to build a model with transformers, transformers is missing: pip install 'memscan[torch]'"),
        ("timm", ALL,
         "to build a model with timm, torch and torchvision and timm are missing: pip install 'memscan[torch]' torchvision timm"),
        ("timm", ["torchvision"], "to build a model with timm, torchvision is missing: pip install torchvision"),
        ("diffusers", ["diffusers"], "to build a model with diffusers, diffusers is missing: pip install diffusers"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_one_sentence(library, hidden, sentence, with_all, without):
    without(*hidden)
    assert not available(library)
    assert advice(library) == sentence
    with pytest.raises(TargetError) as caught:
        build(library=library, config=b"{}")
    assert str(caught.value) == sentence


@pytest.mark.parametrize("library", ["keras", "", "torch", "__main__"])
def test_a_library_that_memscan_builds_nothing_with(library):
    assert not available(library)
    for ask in (missing, advice, lambda name: build(library=name, config=b"{}")):
        with pytest.raises(UsageError, match=r"expected one of transformers, timm, diffusers"):
            ask(library)


def test_neither_the_room_nor_the_question_imports_any_of_them():
    program = (
        "import sys\nfrom memscan.meta import available, missing\n"
        "[(available(name), missing(name)) for name in ('transformers', 'timm', 'diffusers')]\n"
        f"print(sorted({{name.partition('.')[0] for name in sys.modules}} & set({[*ALL, 'huggingface_hub', 'numpy']!r})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_other_room_imports_any_of_them_nor_does_this_one_at_its_top():
    root = Path(__file__).parents[2] / "src" / "memscan"
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree) if path.parent.name != "meta" else tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
                assert not {module.partition(".")[0] for module in modules} & set(ALL), path
