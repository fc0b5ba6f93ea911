"""Every file that belongs in a table is named in it, and tables that are spelt out twice agree."""

import ast
import inspect
import pkgutil
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import click
import pytest

import memscan
from memscan import errors, formats, report
from memscan.checkpoint import Checkpoint
from memscan.checkpoint.weight_sets import READ, SUFFIXES
from memscan.cli import commands, options
from memscan.cli import dtypes as cli_dtypes
from memscan.cli.exit import CODES, Exit, code_of
from memscan.cli.group import COMMANDS, DEFAULT
from memscan.cli.main import cli
from memscan.errors import MemscanError
from memscan.formats import FORMATS, format_named
from memscan.quantizers import DTYPES
from memscan.report import Failure
from memscan.scanning import SCOPES
from tests.writers.tensors import model, tensor


def files(room: ModuleType) -> set[str]:
    return {found.name for found in pkgutil.iter_modules(room.__path__)}


def classes_with(room: ModuleType, attribute: str) -> set[type]:
    """The classes that the files of `room` define and that have `attribute`, Protocols left out."""
    modules = [import_module(f"{room.__name__}.{name}") for name in files(room)]
    return {
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and kind.__module__ == module.__name__
        if hasattr(kind, attribute) and not getattr(kind, "_is_protocol", False)
    }


ERRORS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, MemscanError)]


class TestFormats:
    def test_every_format_of_the_room_is_named_in_its_registry(self) -> None:
        assert {type(format_named(name)) for name in FORMATS} == classes_with(formats, "read_header")

    def test_what_is_chosen_by_name_can_be_read_by_name(self) -> None:
        assert tuple(FORMATS) == READ
        for name, reader in ((name, format_named(name)) for name in FORMATS):
            assert reader.name == name
            assert set(SUFFIXES[name]) <= set(reader.suffixes)

    def test_no_two_formats_share_a_name_or_a_suffix(self) -> None:
        names = [format_named(name).name for name in FORMATS]
        suffixes = [suffix for name in FORMATS for suffix in format_named(name).suffixes]
        assert sorted(set(names)) == sorted(names)
        assert sorted(set(suffixes)) == sorted(suffixes)
        assert all(suffix.startswith(".") for suffix in suffixes)


class TestReports:
    def test_every_renderer_of_the_room_is_named_in_its_registry(self) -> None:
        modules = {name: import_module(f"memscan.report.{name}") for name in files(report)}
        # `layers` renders the module tree, for a verb of its own.
        found = {
            name
            for name, module in modules.items()
            if list(inspect.signature(getattr(module, "render", len)).parameters) == ["results"]
        }
        assert found - {"layers"} == {*report.FORMATS, *report.PICTURES}

    @pytest.mark.parametrize("name", [*report.FORMATS, "html"])
    def test_every_format_renders_a_report_and_a_failure(self, name: str) -> None:
        from memscan.estimate import estimate_weights

        good = estimate_weights(model([tensor("a.w", (3,))]), dtypes=None, scope="checkpoint")
        bad = Failure(requested="there", code=3, error=errors.NotFoundError("not found"))
        text = report.renderer(name)([good, bad])
        assert "float32" in text
        assert "48" in text

    def test_the_picture_of_a_report_has_no_place_for_a_failure(self) -> None:
        from memscan.estimate import estimate_weights

        good = estimate_weights(model([tensor("a.w", (3,))]), dtypes=None, scope="checkpoint")
        bad = Failure(requested="there", code=3, error=errors.NotFoundError("not found"))
        assert report.renderer("svg")([good, bad]) == report.renderer("svg")([good])

    def test_an_unknown_format_is_not_rendered(self) -> None:
        with pytest.raises(ImportError):
            report.renderer("xml")


class TestOptions:
    def test_every_command_is_in_the_list_that_a_plain_scan_knows(self) -> None:
        cli.load()
        assert set(cli.commands) == set(COMMANDS)
        written = {name for name, value in vars(commands).items() if isinstance(value, click.Command)}
        assert written >= set(COMMANDS) - {DEFAULT}

    def test_a_plain_scan_imports_no_other_command(self) -> None:
        program = "import sys, memscan.cli.main; print([name for name in sys.modules if name.startswith('memscan.cli.')])"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert "memscan.cli.options" in done.stdout
        assert not {"memscan.cli.commands", "memscan.cli.workload", "memscan.cli.batch"} & set(ast.literal_eval(done.stdout))

    def test_the_command_line_offers_every_output_format(self) -> None:
        assert options.OUTPUT_FORMATS == report.FORMATS
        assert options.PICTURES == report.PICTURES

    def test_the_command_line_offers_every_dtype(self) -> None:
        assert cli_dtypes.DTYPES == DTYPES

    def test_the_command_line_offers_every_scope(self) -> None:
        assert options.SCOPES == SCOPES


class TestErrors:
    @pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind is not MemscanError])
    def test_every_error_is_below_exactly_one_branch(self, kind: type[MemscanError]) -> None:
        assert len([branch for branch, _ in CODES if issubclass(kind, branch)]) == 1

    @pytest.mark.parametrize(("branch", "code"), CODES)
    def test_a_branch_has_its_code(self, branch: type[MemscanError], code: Exit) -> None:
        assert code_of(branch("x")) is code

    def test_no_error_is_a_verdict(self) -> None:
        assert {code_of(kind("x")) for kind in ERRORS if kind is not MemscanError} == {
            Exit.USAGE,
            Exit.TARGET,
            Exit.NETWORK,
            Exit.FORMAT,
        }

    def test_no_module_defines_an_error_elsewhere(self) -> None:
        for found in pkgutil.walk_packages(memscan.__path__, "memscan."):
            if not found.name.endswith("__main__"):
                import_module(found.name)

        def below(kind: type) -> list[type]:
            return [kind, *(deep for direct in kind.__subclasses__() for deep in below(direct))]

        assert {kind.__module__ for kind in below(MemscanError)} == {"memscan.errors"}

    @pytest.mark.parametrize("kind", ERRORS)
    def test_every_error_is_public(self, kind: type[MemscanError]) -> None:
        assert kind.__name__ in memscan.__all__
        assert getattr(memscan, kind.__name__) is kind


class TestPublicNames:
    @pytest.mark.parametrize("name", memscan.__all__)
    def test_every_public_name_resolves(self, name: str) -> None:
        home = memscan._HOMES.get(name, "memscan.version")
        assert getattr(memscan, name) is getattr(import_module(home), name)

    def test_no_public_name_is_listed_twice(self) -> None:
        assert len(set(memscan.__all__)) == len(memscan.__all__)

    def test_dir_lists_the_public_names(self) -> None:
        assert dir(memscan) == sorted(memscan.__all__)

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            memscan.nothing  # noqa: B018 -- the access is the test

    def test_a_public_name_is_the_one_of_its_room(self) -> None:
        assert memscan.Checkpoint is Checkpoint
