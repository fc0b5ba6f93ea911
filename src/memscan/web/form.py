"""The fields of the page, in Gradio."""

from dataclasses import dataclass
from typing import Any

from memscan.devices import builtin
from memscan.quantizers import DTYPES
from memscan.web.query import DEVICE, INFERENCE, NO_DEVICE, WORK, Query

LIBRARIES = ("transformers", "diffusers", "timm", "sentence-transformers", "gguf")
FIELDS = ("model", "device", "context", "batch", "work", "revision", "library", "dtypes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Gradio's components."""

    fields: tuple[Any, ...]
    """In the order of FIELDS."""
    token: Any
    go: Any


def build_form(gr: Any) -> Form:
    """The form, where the page is being built; `gr` is gradio."""
    with gr.Column(elem_id="ms-form"):
        with gr.Row(elem_classes="ms-row ms-first"):
            model = gr.Textbox(
                label="Model or URL", placeholder="org/name, org/name@revision or https://...", scale=5, max_length=2000,
                elem_id="ms-model",
            )  # fmt: skip
            go = gr.Button("Estimate", variant="primary", scale=1, min_width=140, elem_id="ms-go")
        with gr.Row(elem_classes="ms-row"):
            work = gr.Radio(
                [(one.title(), one) for one in WORK], value=INFERENCE, label="Memory for", info="What the bill is of", scale=2,
                min_width=210, elem_id="ms-work",
            )  # fmt: skip
            devices = [("No device", NO_DEVICE), *((one.title, one.name) for one in builtin())]
            device = gr.Dropdown(
                devices, value=DEVICE, label="Device", info="Or 4xh100, 24GiB, cpu:64GiB", allow_custom_value=True, scale=2,
                min_width=220, elem_id="ms-device",
            )  # fmt: skip
            context = gr.Textbox(
                label="Context", info="Tokens: 8192, 8k", placeholder="the usual", min_width=130, max_length=20,
                elem_id="ms-context",
            )  # fmt: skip
            batch = gr.Textbox("1", label="Batch", info="Sequences at once", min_width=130, max_length=20, elem_id="ms-batch")
        with gr.Accordion("More options", open=False, elem_id="ms-more"), gr.Row(elem_classes="ms-row"):
            revision, library, dtypes, token = _more(gr)
    return Form(fields=(model, device, context, batch, work, revision, library, dtypes), token=token, go=go)


def _more(gr: Any) -> tuple[Any, ...]:
    revision = gr.Textbox(label="Revision", placeholder="main", info="Branch, tag, commit or refs/pr/N", min_width=200)
    libraries = [("As the model says", ""), *((one, one) for one in LIBRARIES)]
    library = gr.Dropdown(
        libraries, value="", label="Library", info="That loads it", allow_custom_value=True, min_width=200, elem_id="ms-library"
    )
    dtypes = gr.Dropdown(
        list(DTYPES), value=[], multiselect=True, label="Dtypes", info="Rows of the table; of one alone, the bill too",
        min_width=220, elem_id="ms-dtypes",
    )  # fmt: skip
    token = gr.Textbox(
        label="Token", type="password", info="For gated models; used for this request and not kept", min_width=220,
        max_length=500, elem_id="ms-token", html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
    )  # fmt: skip
    return revision, library, dtypes, token


def values_of(query: Query) -> list[Any]:
    """What the fields hold for `query`, in the order of FIELDS."""
    words = (query.model, query.device or NO_DEVICE, query.context, query.batch, query.work, query.revision, query.library)
    return [*(str(word or "") for word in words), list(query.dtypes)]
