"""Mixtures of experts: parameters in all, and those that a token passes, as model cards have them."""

import pytest

from memscan.architecture.settings import Settings
from memscan.bills.experts import experts
from memscan.estimate import estimate_weights
from tests.bills.models import DEEPSEEK_V3, GPT_OSS, LLAMA, MIXTRAL, report_of
from tests.estimate.fixtures import load


def of(report):
    scope = report.scopes[report.scope]
    return experts(Settings.of(report.model.config).text, scope.tensors, tied=bool(scope.tied))


# total, active, active without the input embedding. Totals and actives in billions as published:
# Mixtral 46.7 / 12.9 (https://arxiv.org/abs/2401.04088), gpt-oss 20.91 / 3.61 without the embedding
# (https://cdn.openai.com/pdf/419b6906-9da6-406c-a19d-1bb078ac7637/oai_gpt-oss_model_card.pdf),
# DeepSeek-V3 671 / 37 (https://arxiv.org/abs/2412.19437), Qwen3-30B-A3B 30.5 / 3.3 (https://huggingface.co/Qwen/Qwen3-30B-A3B)
PUBLISHED = {
    "mixtral": (46.7, 12.9, None), "gpt-oss": (20.91, None, 3.61), "deepseek": (671.0, None, 37.0), "qwen": (30.5, 3.3, None),
}  # fmt: skip
REPORTS = {
    "mixtral": lambda: report_of(MIXTRAL),
    "gpt-oss": lambda: report_of(GPT_OSS),
    "deepseek": lambda: report_of(DEEPSEEK_V3),
    "qwen": lambda: estimate_weights(load("Qwen/Qwen3-30B-A3B"), dtypes=None, scope="auto"),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_of_the_model_cards(name):
    found = of(REPORTS[name]())
    total, active, without = PUBLISHED[name]
    assert found.total == pytest.approx(total * 1e9, rel=0.002)
    if active is not None:
        assert found.active == pytest.approx(active * 1e9, rel=0.02)
    if without is not None:
        assert found.active_without_embedding == pytest.approx(without * 1e9, rel=0.012)


def test_the_numbers_are_exact():
    # As transformers 5.23 counts them on the meta device.
    mixtral, gpt_oss, deepseek, qwen = (of(REPORTS[name]()) for name in PUBLISHED)
    assert (mixtral.total, gpt_oss.total, qwen.total) == (46_702_792_704, 20_914_757_184, 30_532_122_624)
    assert deepseek.total == 671_026_404_352
    assert mixtral.routed == 32 * 8 * 3 * 4096 * 14336
    assert mixtral.active == mixtral.total - mixtral.routed * 6 // 8
    assert mixtral.active - mixtral.active_without_embedding == 32000 * 4096
    assert "8 experts, 2 active" in mixtral.fact
    assert "96.6 % in routed experts" in mixtral.fact


def test_a_dense_model_has_none():
    assert of(report_of(LLAMA)) is None
