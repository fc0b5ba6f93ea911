"""The page in Gradio: fields, a button, and what the desk says to them. Everything that is worked out is elsewhere."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from memscan.errors import GatedError, MemscanError, NotFoundError, TokenError
from memscan.printable import one_line
from memscan.web.desk import Desk, Step
from memscan.web.form import FIELDS, build_form, values_of
from memscan.web.limits import Limits
from memscan.web.posting_tab import build_posting, client, token_of
from memscan.web.query import Query
from memscan.web.sheet import TABS
from memscan.web.shell import INTRO, STATUS, said

HINT = "For a gated or private model, give a token under More options."
PRIVATE = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
ANSWERED = "() => window.memscan && window.memscan.answered()"


def build(desk: Desk, limits: Limits, *, signs_in: bool) -> Any:
    """The page: a `gradio.Blocks`. `signs_in`: people can sign in with their account of the Hub."""
    import gradio as gr

    with gr.Blocks(title="memscan: how much memory a model needs", analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(INTRO, padding=False)
        form = build_form(gr)
        status = gr.HTML(STATUS, padding=False, elem_id="ms-status-box")
        with gr.Column(visible=False, elem_id="ms-result") as result:
            summary = gr.HTML(padding=False, elem_id="ms-summary")
            with gr.Tabs(elem_id="ms-tabs"):
                panels = []
                for name in TABS:
                    with gr.Tab(name, render_children=True):
                        panels.append(gr.HTML(padding=False, elem_classes="ms-panel"))
                with gr.Tab("Post to the Hub", render_children=True):
                    draft = gr.State(None)
                    start = build_posting(gr, desk, limits, draft, signs_in=signs_in)
        outputs = [status, result, summary, *panels, draft]

        ask, open_link, ask_link = _handlers(gr, desk, limits, len(outputs))
        asked = gr.on([form.go.click, form.fields[0].submit], ask, [form.token, *form.fields], outputs, **PRIVATE)
        opened = blocks.load(open_link, None, [*form.fields, status], **PRIVATE)
        linked = opened.then(ask_link, [form.token, *form.fields], outputs, **PRIVATE)
        for event in (asked, linked):
            event.then(fn=None, js=ANSWERED)
            event.then(*start, **PRIVATE)
    blocks.queue(api_open=False)  # how many wait is counted at the desk, which gives each event its turn
    return blocks


def _handlers(gr: Any, desk: Desk, limits: Limits, outputs: int) -> tuple[Any, Any, Any]:
    """What the form asks, what a link puts into the form, and what a link asks."""

    async def ask(request: gr.Request, secret: str | None, *values: Any) -> AsyncIterator[Any]:
        query, step = _query(dict(zip(FIELDS, values, strict=True)))
        if query is None:
            yield _shown(gr, step)
            return
        async for one in desk.ask(query, token_of(secret), client(request, limits)):
            yield _shown(gr, one)

    async def open_link(request: gr.Request) -> Any:
        query, step = _linked(dict(request.query_params))
        if query is None:
            return [*([gr.skip()] * len(FIELDS)), said(step.said, failed=True) if step.said else gr.skip()]
        return [*values_of(query), gr.skip()]

    async def ask_link(request: gr.Request, secret: str | None, *values: Any) -> AsyncIterator[Any]:
        if _linked(dict(request.query_params))[0] is None:
            yield [gr.skip()] * outputs
            return
        async for one in ask(request, secret, *values):
            yield one

    return ask, open_link, ask_link


def _query(words: Mapping[str, Any]) -> tuple[Query | None, Step]:
    try:
        return Query.of(words), Step(said="")
    except MemscanError as error:
        return None, Step(said=one_line(str(error)), error=error)


def _linked(parameters: Mapping[str, str]) -> tuple[Query | None, Step]:
    """The query in the page's own address; None where there is none, or where something is wrong with it."""
    try:
        return Query.of_link(parameters), Step(said="")
    except MemscanError as error:
        return None, Step(said=one_line(str(error)), error=error)


def _shown(gr: Any, step: Step) -> list[Any]:
    """`step` for the outputs of a query: the status, the result and its panels, the draft."""
    if step.sheet is None:
        failed = step.error is not None
        hint = HINT if isinstance(step.error, GatedError | TokenError | NotFoundError) else ""
        hidden = gr.update(visible=False) if failed else gr.skip()
        return [said(step.said, failed=failed, busy=not failed, hint=hint), hidden, *([gr.skip()] * (1 + len(TABS))), None]
    sheet = step.sheet
    return [said(step.said, address=sheet.link), gr.update(visible=True), sheet.summary, *sheet.tabs, step.draft]
