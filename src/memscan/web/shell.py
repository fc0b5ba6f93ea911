"""What stands around an answer: the head of the page, its style and script, the introduction, the line that says how it goes."""

import pkgutil

from memscan.report.picture.drawing import quoted
from memscan.version import __version__

EXAMPLES = (
    ("bert-base-cased", "a small encoder"),
    ("Qwen/Qwen3-30B-A3B", "a mixture of experts"),
    ("TheBloke/Llama-2-7B-GPTQ", "weights that are packed in 4 bits"),
    ("bigscience/bloom", "176 billion parameters in 72 files"),
    ("stabilityai/stable-diffusion-xl-base-1.0", "a diffusion pipeline"),
    ("bartowski/Llama-3.2-1B-Instruct-GGUF", "every quantization of a GGUF"),
)


def _asset(name: str) -> str:
    return (pkgutil.get_data("memscan.web", name) or b"").decode()


STYLE = _asset("page.css")
# Gradio puts a prefix before every rule of a style sheet in which none of its own frame is found.
FRAME = "@media (max-width:640px){.gradio-container>.main{padding:8px !important}}"
HEAD = f"<style>{FRAME}</style><script>{_asset('page.js')}</script>"


def _examples() -> str:
    links = "".join(
        f'<li><a href="?model={quoted(name)}">{quoted(name)}</a><span>{quoted(what)}</span></li>' for name, what in EXAMPLES
    )
    return f'<nav class="ms-examples" aria-label="Examples"><h2>Try one</h2><ul>{links}</ul></nav>'


INTRO = (
    '<header class="ms-head"><h1><span class="ms-logo" aria-hidden="true"></span>memscan</h1>'
    "<p>How much memory a model needs, read from the headers of its checkpoint: exact, and without downloading its weights.</p>"
    f'<p class="ms-version">{quoted(__version__)}</p></header>'
)


def said(text: str, *, failed: bool = False, busy: bool = False, hint: str = "", link: str = "", address: str = "") -> str:
    """One line for people, which screen readers say: what goes on, what went wrong, or where it is."""
    kind = "ms-failed" if failed else "ms-busy" if busy else "ms-said"
    more = f' <a href="{quoted(link)}" target="_blank" rel="noopener">{quoted(link)}</a>' if link else ""
    more += f'<span class="ms-hint">{quoted(hint)}</span>' if hint else ""
    place = f' data-address="{quoted(address)}"' if address else ""
    shown = f'<p class="{kind}">{quoted(text)}{more}</p>' if text else ""
    role = "alert" if failed else "status"
    return f'<div class="ms-status" role="{role}" aria-live="polite"{place}>{shown}</div>'


STATUS = f'<div class="ms-status" role="status" aria-live="polite"></div>{_examples()}'
"""What stands where an answer will: examples."""
