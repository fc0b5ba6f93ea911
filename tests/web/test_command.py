"""`memscan serve` on the command line, where it does not come to serving."""

from importlib.util import find_spec

import pytest

from memscan.cli.main import cli
from memscan.cli.serving import URLS
from memscan.web import Limits, Urls
from tests.runner import run_memscan


@pytest.mark.skipif(find_spec("gradio") is not None, reason="Gradio is installed")
def test_without_gradio_it_says_what_to_install() -> None:
    run = run_memscan(None, "serve")
    assert (run.code, run.stdout) == (2, "")
    assert run.stderr == "memscan: memscan serve needs Gradio, which is not installed; pip install 'memscan[web]'\n"


@pytest.mark.parametrize(
    "words",
    [("--urls", "some"), ("--port", "70000"), ("--readings", "0"), ("--max-headers", "much"), ("--rate", "0"), ("extra",)],
)
def test_what_makes_no_sense_is_one_line(words: tuple[str, ...]) -> None:
    run = run_memscan(None, "serve", *words)
    assert (run.code, run.stdout, run.stderr.count("\n")) == (2, "", 1)


def test_the_options_are_those_of_the_limits() -> None:
    cli.load()
    usual = {option.name: option.default for option in cli.commands["serve"].params}
    limits = Limits()
    assert tuple(Urls) == URLS
    assert (usual["host"], usual["port"], usual["urls"], usual["proxies"]) == ("127.0.0.1", 7860, limits.urls, limits.proxies)
    assert (usual["readings"], usual["waiting"], usual["timeout"]) == (limits.readings, limits.waiting, limits.seconds)
    assert (usual["rate"], usual["max_headers"]) == (limits.per_minute, "64MiB")
    assert limits.header_bytes == 64 * 2**20
