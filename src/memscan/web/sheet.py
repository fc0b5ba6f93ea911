"""An answer as the page shows it: one piece of HTML for each of its tabs."""

from dataclasses import dataclass

from memscan.web.answer import Answer
from memscan.web.downloads import files_panel
from memscan.web.panels import bill_panel, context_panel, devices_panel, modules_panel, summary, tree_panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What is shown of one answer."""

    name: str
    """The model."""
    link: str
    """What the page's address becomes."""
    summary: str
    tree: str
    bill: str
    context: str
    devices: str
    modules: str
    files: str

    @property
    def tabs(self) -> tuple[str, ...]:
        """The panels in the order of `TABS`."""
        return self.bill, self.tree, self.context, self.devices, self.modules, self.files


TABS = ("Memory", "Where the bytes are", "Over context", "Fits on", "Modules", "Save and link")


def sheet_of(answer: Answer) -> Sheet:
    """Every panel of `answer`; pure, and of the order of a second for the largest models."""
    return Sheet(
        name=answer.report.model.origin.name, link=answer.query.link(), summary=summary(answer), tree=tree_panel(answer),
        bill=bill_panel(answer), context=context_panel(answer), devices=devices_panel(answer), modules=modules_panel(answer),
        files=files_panel(answer),
    )  # fmt: skip
