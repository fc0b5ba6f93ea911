"""Budgets against what is read for them: every target and every baseline once, all at the same time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from memscan.budget import Gate
from memscan.budget.asked import Asked
from memscan.budget.checks import gate
from memscan.budget.configs import config_finding
from memscan.budget.verdicts import FAIL
from memscan.errors import MemscanError, UsageError
from memscan.estimate import Report, estimate_weights
from memscan.model import Model
from memscan.scanning import Progress, ScanOptions
from memscan.scanning.many import read_all
from memscan.source import Sources

Models = Mapping[tuple[str, ScanOptions], Model | MemscanError]


async def check_all(
    questions: Sequence[Asked],
    options: ScanOptions,
    progress: Progress | None = None,
    sources: Sources | None = None,
    *,
    configs: Sequence[str] = (),
    unknown: str = FAIL,
) -> Gate:
    """The findings of all `questions`; `options` are what none of them says of its own scan.

    The targets `configs` are held against their own configs, where `unknown` says what it does that one is not known.
    """
    usual = replace(options, dtypes=None)
    wanted = [(one.target, _options(usual, one)) for one in questions]
    wanted += [(one.baseline, _options_before(usual, one)) for one in questions if one.baseline is not None]
    wanted += [(one, usual) for one in configs]
    order = list(dict.fromkeys(wanted))
    models: Models = dict(zip(order, await read_all(order, progress, sources), strict=True))

    def target(one: Asked) -> Report | MemscanError:
        scan = _options(usual, one)
        return _report(models[one.target, scan], one, scan.scope)

    def baseline(one: Asked) -> Report | MemscanError:
        return _report(models[one.baseline or "", _options_before(usual, one)], one, _options(usual, one).scope)

    held = tuple(config_finding(one, models[one, usual], unknown=unknown) for one in configs)
    return Gate(findings=(*gate(questions, target, baseline).findings, *held))


def _options(usual: ScanOptions, question: Asked) -> ScanOptions:
    """Those of the question's scan; UsageError, with the line of its file, where they make no sense."""
    options, place = replace(usual, **question.scan), question.place
    try:
        options.check()
    except UsageError as error:
        raise error if place is None else UsageError(f"{place.path}:{place.line}: {error}") from error
    return options


def _options_before(usual: ScanOptions, question: Asked) -> ScanOptions:
    """Those of its baseline, which names its own revision; what chooses among files chooses among those of both."""
    return replace(_options(usual, question), revision=None, changes=())


def _report(model: Model | MemscanError, question: Asked, scope: str) -> Report | MemscanError:
    """A report with a row of the question's dtype."""
    if isinstance(model, MemscanError):
        return model
    dtypes = None if question.dtype is None or question.work is not None else [question.dtype]
    try:
        return estimate_weights(model, dtypes=dtypes, scope=scope, every_scope=False)
    except MemscanError as error:
        return error
