"""What becomes of each step of a run that is about to be gone on with. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from automation.run.events import Message
from automation.run.plan import Step
from automation.views.i18n import Translator
from automation.views.text import printable
from automation.views.words import VERBS

REUSED = Message("Re-used, as they still stand (%(count)s):")
RERUN = Message("Re-run, as they do not stand any more (%(count)s):")
NEW = Message("New, as the run had not come to them (%(count)s):")

type Becomes = Sequence[tuple[Message, Sequence[str]]]


def render_preview(
    becomes: Becomes, steps: Mapping[str, Step], translate: Translator
) -> RenderableType:
    """Each step on a line of its own under what becomes of it: what is done, on which hosts."""
    return Group(*_lines(becomes, steps, translate))


def _lines(
    becomes: Becomes, steps: Mapping[str, Step], translate: Translator
) -> Iterator[RenderableType]:
    for heading, names in becomes:
        if names:
            yield Text(translate(heading.text, count=len(names)), style="bold")
            yield _table([steps[name] for name in names], translate)


def _table(steps: Sequence[Step], translate: Translator) -> Table:
    table = Table(box=None, pad_edge=True, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    for step in steps:
        verb, hosts = translate(VERBS[step.verb]), ", ".join(step.hosts)
        table.add_row(*(Text(printable(said), overflow="fold") for said in (step.id, verb, hosts)))
    return table
