"""Which classes of a model type were exact, and for which values of which fields: what memscan may say without torch."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memscan.architecture.verified import is_seen, tokens_of
from verification.judge import EXACT, TOTAL, WRONG, Verdict

# What no tensor comes from: how to run a model, how to train it, what its tokens are.
FREE = re.compile(
    r"(^|\.)(_\w*|name_or_path|dtype|torch_dtype|sub_configs|base_model_\w+_plan|use_cache|initializer_\w+|label2id|id2label|problem_type"
    r"|output_\w+|return_dict|attn_implementation|tokenizer_class|architectures|num_labels|rope_parameters|chunk_size_feed_forward)$"
    r"|dropout|_eps$|epsilon|_token_ids?$|(?<!use_mask)(?<!use_cls)_token$|_token_index$|loss|_coef$|_std$|_prob(s)?$|rope_theta|rotary_emb_base|temperature"
    r"|(^|\.)(to_dict|get_text_config|dict_dtype_to_str|is_heterogeneous|verify_\w+)$|drop_path|layerdrop|top_k$|topk|experts_per_tok|routed_scaling|softcap|sampling_rate|sliding_window$|max_window_layers$|(^|\.)layer_scale_init|clip_qkv|seed"
    r"|(attention|embedding|residual|lm_head|logits|key|ssm_\w+|mlp|in|out)_multipliers?$|logits?_scal|_scaling$|scale_factor$"
)
ACTIVATION = re.compile(r"(act|act_fn|activation|activation_function|act_func|hidden_activation)$")
OWNING = "xielu"  # the activation that has parameters
RATIO = re.compile(r"ratio|factor|mult|expan|coefficient|pct|percent|scale")
MANY = 3  # values of a kind that were right: any other is taken to be
MANY_NUMBERS = 2  # of whole ones above 0, which are drawn from far apart
MOST_EXCLUDED = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """One config of a class: the values of the fields that the code read, and the verdict."""

    config: Mapping[str, Any]
    """As it was written."""
    fields: Mapping[str, Any]
    verdict: Verdict


def published(
    classes: Mapping[str, Sequence[Seen]], inside: frozenset[str], elsewhere: Sequence[Seen], *, ties: bool
) -> dict[str, Any]:
    """The `verified` of a model type.

    `inside` are the configs in it that have entries of their own; `elsewhere` are its own configs inside those of other types,
    which were right as a whole; `ties` says whether tied embeddings make a difference to one of its classes.
    """
    allowed: dict[str, set[str]] = {}
    reads: dict[str, set[str]] = {}
    for name, several in sorted(classes.items()):
        reads[name] = {path for one in several for path in one.fields}
    for several in (*classes.values(), elsewhere):
        for path, tokens in _allowed([one for one in several if one.verdict.word in (EXACT, TOTAL)], inside).items():
            if ties or not path.endswith("tie_word_embeddings"):
                allowed.setdefault(path, set()).update(tokens)
    excluded = {name: _excluded(several, allowed) for name, several in classes.items()}
    known = {name: pairs for name, pairs in sorted(excluded.items()) if pairs is not None}
    everywhere = {path for path in allowed if all(path in reads[name] for name in known)}
    found: dict[str, Any] = {}
    for name, pairs in known.items():
        own = _grouped({path: tokens for path, tokens in allowed.items() if path in reads[name] and path not in everywhere})
        found[name] = {key: value for key, value in (("fields", own), ("not", pairs)) if value}
    return {"classes": found, "fields": _grouped({path: allowed[path] for path in everywhere})} if found else {}


def parts(several: Sequence[Seen], inside: frozenset[str], model_type: Callable[[Seen, str], str]) -> dict[str, list[Seen]]:
    """The configs inside those of a class that was right, by the model type of each."""
    found: dict[str, list[Seen]] = {}
    for one in several:
        by_head: dict[str, dict[str, Any]] = {}
        for path, value in one.fields.items():
            head, dot, rest = path.partition(".")
            if dot and head in inside:
                by_head.setdefault(head, {})[rest] = value
        for head, fields in by_head.items() if one.verdict.word in (EXACT, TOTAL) else ():
            found.setdefault(model_type(one, head), []).append(Seen({}, fields, one.verdict))
    return found


def _grouped(allowed: Mapping[str, set[str]]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for path, tokens in sorted(allowed.items()):
        fields.setdefault(" ".join(sorted(tokens)), []).append(path)
    return fields


def _allowed(seen: Sequence[Seen], inside: frozenset[str]) -> dict[str, set[str]]:
    columns: dict[str, list[Any]] = {}
    for one in seen:
        for path, value in one.fields.items():
            if not FREE.search(path) and path.partition(".")[0] not in inside:
                columns.setdefault(path, []).append(value)
    return {path: set(_tokens(path, values)) for path, values in columns.items() if not all(isinstance(v, dict) for v in values)}


def _tokens(path: str, values: Sequence[Any]) -> Iterator[str]:
    kinds: dict[str, set[str]] = {}
    lists = [value for value in values if isinstance(value, list)]
    for value in values:
        if not isinstance(value, list | dict):
            kind, *alone = tokens_of(value)
            kinds.setdefault(kind, set()).update(alone)
    for kind, alone in kinds.items():
        is_free = kind == "r" and not RATIO.search(path)
        yield from (
            (kind,) if len(alone) >= (MANY_NUMBERS if kind == "n" else MANY) or not alone or kind == "0" or is_free else alone
        )
    if ACTIVATION.search(path):
        yield "s" if not any(OWNING in token for token in kinds.get("s", ())) else f"s:{OWNING}"
    lengths = {len(value) for value in lists}
    yield from ("l",) if len(lengths) >= MANY else (f"l:{length}" for length in lengths)
    yield from {f"w:{one}" for value in lists for one in value if isinstance(one, str)}


def _excluded(seen: Sequence[Seen], allowed: Mapping[str, set[str]]) -> list[list[str]] | None:
    """What has to be left out, so that nothing wrong is left; None where too much would be."""
    wrong = [one for one in seen if one.verdict.word == WRONG and _is_allowed(one, allowed)]
    right = [one for one in seen if one.verdict.word in (EXACT, TOTAL)]
    usual = seen[0].fields if seen else {}
    excluded: list[list[str]] = []
    while wrong:
        counts = Counter(pair for one in wrong for pair in _pairs(one, allowed, usual))
        lost = Counter(pair for one in right for pair in _pairs(one, allowed, usual))
        best = max(sorted(counts), key=lambda pair: counts[pair] / len(wrong) - lost[pair] / max(len(right), 1), default=None)
        if best is None or len(excluded) == MOST_EXCLUDED:
            return None
        excluded.append(list(best))
        wrong = [one for one in wrong if best not in _pairs(one, allowed, usual)]
        right = [one for one in right if best not in _pairs(one, allowed, usual)]
    return excluded if right else None


def _is_allowed(one: Seen, allowed: Mapping[str, set[str]]) -> bool:
    return all(is_seen(value, frozenset(allowed[path])) for path, value in one.fields.items() if path in allowed)


def _pairs(one: Seen, allowed: Mapping[str, set[str]], usual: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """The tokens of a config that are not those of the default."""
    found: set[tuple[str, str]] = set()
    for path, value in one.fields.items():
        if path not in allowed or isinstance(value, dict):
            continue
        tokens = _of(value) & allowed[path]
        found |= {(path, token) for token in tokens - _of(usual.get(path))}
    return frozenset(found)


def _of(value: Any) -> set[str]:
    if isinstance(value, list):
        return {"l", f"l:{len(value)}", *(f"w:{one}" for one in value if isinstance(one, str))}
    return set(tokens_of(value))
