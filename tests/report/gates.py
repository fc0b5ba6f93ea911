"""Gates for the tests of their outputs: ordinary, failing, unknown, unread, hostile."""

from collections.abc import Sequence
from dataclasses import replace

from memscan.budget import Bound, Figure, Finding, Gate, Limit, Outcome, Place
from memscan.budget.verdicts import blank, judged, not_read
from memscan.errors import GatedError, NotFoundError
from memscan.item import Basis

BUDGET = Place(path="memscan.toml", line=12)
LIMIT = Limit(nbytes=24 * 10**9, stated="24GB")
HOSTILE = (
    "a\nb\r\nc",
    "a|b\\|c",
    "`x` ``y``",
    "::error::gotcha",
    "::add-mask::x\n::stop-commands::y",
    "##[error]gotcha",
    "###[set-output name=outcome;]within",
    "##vso[task.setvariable variable=x]y",
    "]]>",
    "<script>alert(1)</script>",
    "</details></summary>",
    '"quoted" & <b>bold</b>',
    "\x1b[31mred\x1b[0m",
    "\x00\x07\x7f\x9b",
    "emoji \U0001f600 :smile: e\u0301",
    "\u202egnp.exe",
    "\ud800\ufffe\uffff",
    "=cmd|' /C calc'!A0",
    "@everyone #1 https://evil.example [click](https://evil.example) ![x](https://evil.example)",
    "{0} {{1}} %25 %0A",
    "../../etc/passwd",
    "https://user@host/x.safetensors",
    "n" * 10_000,
    "a." * 5_000,
    "",
    " ",
)


def figure(nbytes: int, *, bound: Bound = Bound.EXACT, high: int | None = None, name: str = "total size") -> Figure:
    """A figure of that many bytes."""
    basis = Basis.ASSUMED if bound is Bound.ESTIMATE else Basis.MEASURED
    return Figure(name=name, nbytes=nbytes, basis=basis, bound=bound, low=nbytes, high=high or nbytes)


def finding(
    target: str,
    found: Figure | None = None,
    *,
    rule: str = "total",
    dtype: str | None = None,
    place: Place | None = BUDGET,
    limit: Limit = LIMIT,
    unknown: str = "fail",
    modules: Sequence[tuple[str, int]] = (),
    case: str = "",
) -> Finding:
    """A finding as the gate makes it; without a figure, of a target that is closed."""
    start = blank(rule, target, commit=None, dtype=dtype, place=place)
    if found is None:
        return replace(not_read(start, GatedError(f"{target} is gated: ask for access")), case=case)
    return replace(judged(start, found, limit, unknown=unknown), case=case, facts={"modules": modules} if modules else {})


LAYERS = tuple((f"model.layers.{layer}.{part}", 10**8) for layer in range(70) for part in ("attn", "mlp"))
WITHIN = finding("meta-llama/Llama-3.1-8B", figure(16_060_522_496), dtype="bfloat16")
EXCEEDED = finding("bigscience/bloom", figure(352_494_542_848), modules=(("model.embed", 10**9), *LAYERS, ("lm_head", 5 * 10**9)))
UNKNOWN = finding("x/y", figure(10**9, bound=Bound.LOWER, name="inference peak"), rule="inference", dtype="int4")
WARNED = finding("x/y", figure(10**9, bound=Bound.LOWER, name="inference peak"), rule="inference", dtype="int4", unknown="warn")
UNREAD = finding("meta/closed", rule="training")
MAYBE = finding(
    "q/e", figure(20 * 10**9, bound=Bound.ESTIMATE, high=30 * 10**9, name="inference peak"), rule="inference", place=None
)
GROWN = finding(
    "org/name@v1..v2",
    figure(9 * 10**8, name="growth"),
    rule="growth",
    limit=Limit(nbytes=0, stated="0 %"),
    modules=(("embed", 10**9), ("head", -(10**8))),
)
ORDINARY = Gate(findings=(WITHIN,))
EMPTY = Gate(findings=())
MIXED = Gate(findings=(WITHIN, EXCEEDED, UNKNOWN, WARNED, UNREAD, MAYBE, GROWN))


def hostile(word: str) -> Gate:
    """Every kind of finding, with `word` wherever a stranger has a say."""
    place = Place(path=word or "memscan.toml", line=3)
    limit = Limit(nbytes=0, stated=f"1 % more than {word}")
    read = replace(
        finding(word, figure(10**9), dtype=word, place=place, limit=limit, case=word),
        facts={"modules": ((word, 5),), "more": word},
    )
    return Gate(
        findings=(
            finding(word, figure(5), place=None, limit=LIMIT),
            read,
            finding(word, figure(5, bound=Bound.LOWER), place=place, unknown="warn"),
            finding(word, figure(5, bound=Bound.ESTIMATE, high=10**12), place=place, rule=word),
            finding(word, place=place, dtype=word),
            replace(read, outcome=Outcome.NOT_READ, figure=None, error=NotFoundError(word)),
        )
    )


EVERY = {"ordinary": ORDINARY, "empty": EMPTY, "mixed": MIXED} | {
    f"hostile-{index}": hostile(word) for index, word in enumerate(HOSTILE)
}
