"""The flow of a post, in Gradio: look, then click."""

from typing import Any

from memscan.errors import MemscanError
from memscan.printable import one_line
from memscan.web.desk import Desk
from memscan.web.limits import Limits
from memscan.web.posting import Draft
from memscan.web.shell import said
from memscan.web.visitor import client_of

TEXT = (
    "<p>Open a discussion on the model's repository with this table, in your own name. You see it first; nothing is posted"
    " until you click Post, and nothing while such a report is open there already.</p>"
)


def build_posting(gr: Any, desk: Desk, limits: Limits, draft: Any, *, signs_in: bool) -> tuple[Any, ...]:
    """The tab; returns what an answer hides of the last one's: the line of its status, and the preview."""
    gr.HTML(TEXT, padding=False)
    if signs_in:
        gr.LoginButton("Sign in with Hugging Face", icon=None, elem_id="ms-sign-in")  # its icon would be a file of the disk
    secret = gr.Textbox(
        label="Token that may write discussions", type="password", elem_id="ms-post-token", max_length=500,
        info="Used for this request and not kept" + ("; not needed when you are signed in" if signs_in else ""),
        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
    )  # fmt: skip
    look = gr.Button("Preview", elem_id="ms-preview")
    note = gr.HTML(said(""), padding=False, elem_id="ms-post-status")
    with gr.Column(visible=False, elem_id="ms-draft") as shown:
        preview = gr.Markdown(elem_id="ms-draft-text", container=True)
        send = gr.Button("Post", variant="primary", elem_id="ms-post")
    previewed = gr.State(None)  # an answer may come between the preview and the post: posted is what was seen

    async def show(request: gr.Request, found: Draft | None, word: str | None, login: gr.OAuthToken | None) -> Any:
        if found is None:
            return said("Only what is on the Hub has discussions.", failed=True), gr.update(visible=False), gr.skip(), None
        try:
            there = await desk.find_post(found, token_of(word, login), client(request, limits))
        except MemscanError as error:
            return said(one_line(str(error)), failed=True), gr.update(visible=False), gr.skip(), None
        if there is not None:
            text = f"Such a report is open already, as discussion {there.num}:"
            return said(text, failed=True, link=there.url), gr.update(visible=False), gr.skip(), None
        text = f"## {found.title}\n\n{found.body}"
        return said(f"This would be posted to {found.repo_id}."), gr.update(visible=True), text, found

    async def send_it(request: gr.Request, found: Draft | None, word: str | None, login: gr.OAuthToken | None) -> Any:
        if found is None:
            return said("Preview it first.", failed=True), gr.update(visible=False)
        try:
            made = await desk.post(found, token_of(word, login), client(request, limits))
        except MemscanError as error:
            return said(one_line(str(error)), failed=True), gr.skip()
        return said(f"Posted as discussion {made.num}:", link=made.url), gr.update(visible=False)

    quiet = {"api_visibility": "private", "show_progress": "minimal", "concurrency_limit": None}
    look.click(show, [draft, secret], [note, shown, preview, previewed], **quiet)
    send.click(send_it, [previewed, secret], [note, shown], **quiet)
    return note, shown


def client(request: Any, limits: Limits) -> str:
    """Whom a request of Gradio's comes from."""
    peer = request.client.host if request.client is not None else ""
    return client_of(peer, request.headers.get("x-forwarded-for"), limits.proxies)


def token_of(word: str | None, login: Any = None) -> str | None:
    """The token in a field, or that of who is signed in."""
    return (word or "").strip() or (login.token if login is not None else None)
