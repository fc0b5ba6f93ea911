"""The word that `--lora` takes, and the words that LoRA answers with."""

import pytest

from memscan.adapters import Lora, lora, lora_setting
from memscan.errors import UsageError
from tests.quantizers.dense import dense, weight


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("r=16", Lora(rank=16)),
        ("r=16,targets=all-linear", Lora(rank=16)),
        ("targets=All-Linear", Lora()),
        ("r=8,targets=q_proj,v_proj", Lora(targets=("q_proj", "v_proj"))),
        ("targets=q_proj, v_proj ,alpha=32,r=4", Lora(rank=4, targets=("q_proj", "v_proj"), alpha=32)),
        ("targets=q_proj,q_proj", Lora(targets=("q_proj",))),
        ("r=64,alpha=16.5,dropout=0.05,dora=true", Lora(rank=64, alpha=16.5, dropout=0.05, dora=True)),
        ("dora=false", Lora()),
    ],
)
def test_a_word_is_read(word: str, expected: Lora) -> None:
    assert lora_setting(word) == expected


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("", r"--lora has '' without a key: write it like r=16,targets=all-linear or r=8,alpha=16,targets=q_proj,v_proj"),
        ("16", r"--lora has '16' without a key"),
        ("r=16,q_proj", r"--lora has 'q_proj' without a key"),
        ("targets=q_proj,alpha=1,v_proj", r"--lora has 'v_proj' without a key"),
        ("targets=q_proj,", r"--lora has '' without a key"),
        ("targets=", r"--lora has no name after targets="),
        ("targets=all-linear,q_proj", r"all-linear stands alone"),
        ("rank=8", r"--lora has the key 'rank', and there are r, targets, alpha, dropout, dora"),
        ("r=8,r=9", r"--lora has the key 'r' twice"),
        ("r=0", r"r='0', expected a whole number from 1 to 1,000,000"),
        ("r=-1", r"r='-1', expected a whole number"),
        ("r=1e3", r"r='1e3', expected a whole number"),
        ("r=", r"r='', expected a whole number"),
        ("r=" + 5000 * "9", r"r='9{20}.*, expected a whole number"),
        ("alpha=nan", r"alpha='nan', expected a number that is not negative"),
        ("alpha=inf", r"alpha='inf', expected a number that is not negative"),
        ("dropout=1", r"dropout='1', expected a number that is not negative and below 1"),
        ("dora=yes", r"dora='yes', expected true or false"),
        ("r=\x1b[31m", r"\\x1b"),
    ],
)
def test_a_word_that_makes_no_sense_is_refused(word: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        lora_setting(word)


MODEL = dense(
    weight("model.embed_tokens.weight", 99, 32, module="Embedding"), weight("model.layers.0.q_proj.weight", 32, 32),
    weight("model.layers.0.down_proj.weight", 32, 48), weight("model.norm.weight", 32, module=""),
    weight("lm_head.weight", 99, 32), kept=("lm_head",), last="lm_head.weight",
)  # fmt: skip


def test_targets_that_match_nothing_are_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(
        UsageError, match=r"'k_proj', which match no module of the model; its linear layers are called q_proj, down"
    ):
        lora(MODEL, Lora(targets=("k_proj",)))


def test_a_model_without_linear_layers_is_refused() -> None:
    with pytest.raises(UsageError, match=r"all-linear, which match no module of the model; no linear layer of it is known"):
        lora(dense(weight("norm.weight", 32, module="")), Lora())


def test_a_target_that_matches_nothing_beside_others_is_said() -> None:
    made = lora(MODEL, Lora(targets=("q_proj", "k_proj")))
    assert made.notes == ("of the targets, k_proj match nothing",)
    assert made.formula == "8 x (in + out) over 1 modules = 512 parameters"
    assert [(tensor.name, tensor.shape) for tensor in made.tensors] == [
        ("model.layers.0.q_proj.lora_A", (8, 32)),
        ("model.layers.0.q_proj.lora_B", (32, 8)),
    ]


def test_a_name_matches_whole_parts_only() -> None:
    with pytest.raises(UsageError, match="match no module"):
        lora(MODEL, Lora(targets=("proj",)))
    assert lora(MODEL, Lora(targets=("0.q_proj",))).parameters == lora(MODEL, Lora(targets=("model.layers.0.q_proj",))).parameters


def test_a_norm_is_no_target() -> None:
    with pytest.raises(UsageError, match=r"model\.norm, which is of a class of its own: LoRA is counted for linear layers"):
        lora(MODEL, Lora(targets=("norm",)))


def test_the_output_embeddings_can_be_given() -> None:
    assert lora(MODEL, Lora(), outputs=()).parameters - lora(MODEL, Lora()).parameters == 8 * (99 + 32)


def test_a_head_is_trained_in_full_for_a_classifier() -> None:
    model = dense(weight("model.q_proj.weight", 32, 32), weight("score.weight", 2, 32), last="score.weight")
    made = lora(model, Lora(), class_name="LlamaForSequenceClassification")
    assert [tensor.name for tensor in made.saved] == ["score.weight (trained copy)"]
    assert made.parameters == 8 * 64 + 64
    assert made.nbytes == 4 * 8 * 64 + 2 * 64
    assert made.notes == ("score is trained in full, as a copy",)
    assert lora(model, Lora(), class_name="LlamaForCausalLM").parameters == 8 * 64 + 8 * 34
