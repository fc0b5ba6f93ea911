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
OPENED = "() => window.memscan && window.memscan.opened()"


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
                    posting = build_posting(gr, desk, limits, draft, signs_in=signs_in)
        outputs = [status, result, summary, *panels, draft, *posting]

        # One event for each query, and none for a page that is merely opened: Gradio's script closes the stream of a session's
        # events when the last has ended, and loses the answer of one that is sent in that moment.
        ask, open_link = _handlers(gr, desk, limits)
        opener = gr.Button("Open the link", visible="hidden", elem_id="ms-open")
        # Who asks again while an answer is under way gets that of the last question too.
        asked = gr.on(
            [form.go.click, form.fields[0].submit],
            ask,
            [form.token, *form.fields],
            outputs,
            trigger_mode="always_last",
            **PRIVATE,
        )
        linked = opener.click(open_link, form.token, [*form.fields, *outputs], **PRIVATE)
        blocks.load(fn=None, js=OPENED)
        for event in (asked, linked):
            event.then(fn=None, js=ANSWERED)
    blocks.queue(api_open=False)  # how many wait is counted at the desk, which gives each event its turn
    return blocks


def _handlers(gr: Any, desk: Desk, limits: Limits) -> tuple[Any, Any]:
    """What the form asks, and what a link does: it fills the form, and asks."""

    async def ask(request: gr.Request, secret: str | None, *values: Any) -> AsyncIterator[Any]:
        query, step = _query(dict(zip(FIELDS, values, strict=True)))
        if query is None:
            yield _shown(gr, step)
            return
        async for one in desk.ask(query, token_of(secret), client(request, limits)):
            yield _shown(gr, one)

    async def open_link(request: gr.Request, secret: str | None) -> AsyncIterator[Any]:
        query, step = _linked(dict(request.query_params))
        fields = [gr.skip()] * len(FIELDS)
        if query is None:
            yield [*fields, *_shown(gr, step)]
            return
        yield [*values_of(query), *_shown(gr, step)]
        async for one in desk.ask(query, token_of(secret), client(request, limits)):
            yield [*fields, *_shown(gr, one)]

    return ask, open_link


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
    """`step` for the outputs of a query: the status, the result and its panels, the draft, and the posting begun anew."""
    anew = [None if step.sheet is None else step.draft, said(""), gr.update(visible=False)]
    if step.sheet is None:
        failed = step.error is not None
        hint = HINT if isinstance(step.error, GatedError | TokenError | NotFoundError) else ""
        hidden = gr.update(visible=False) if failed else gr.skip()
        return [said(step.said, failed=failed, busy=not failed, hint=hint), hidden, *([gr.skip()] * (1 + len(TABS))), *anew]
    sheet = step.sheet
    return [said(step.said, address=sheet.link), gr.update(visible=True), sheet.summary, *sheet.tabs, *anew]
