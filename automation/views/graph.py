"""The start order of a venue for the eye: on the terminal, as Mermaid, as SVG."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from io import StringIO
from itertools import pairwise

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from automation.venue.graph import start_order
from automation.venue.layout import Layout, lay_out
from automation.venue.site import Component, Venue

BOX_WIDTH, BOX_HEIGHT = 244, 58
GAP_ACROSS, GAP_DOWN, BEND_HEIGHT, MARGIN, HEADING = 72, 18, 14, 24, 64
STYLE = """
svg { --paper: #ffffff; --ink: #1c2733; --soft: #5b6b7b; --line: #8494a5; --box: #f3f6f9;
  font: 13px system-ui, "Noto Sans", "Noto Sans KR", "Malgun Gothic", sans-serif }
@media (prefers-color-scheme: dark) {
  svg { --paper: #14191f; --ink: #e6ebf0; --soft: #9fb0c0; --line: #66788a; --box: #1f2831 }
}
.paper { fill: var(--paper) } text { fill: var(--ink) }
.soft { fill: var(--soft); font-size: 11px }
.name { font-weight: 600 } .heading { font-size: 18px; font-weight: 600 }
.box { fill: var(--box); stroke: var(--line); stroke-width: 1.5 }
.external { stroke-dasharray: 5 4 }
.edge { fill: none; stroke: var(--line); stroke-width: 1.5 }
marker path { fill: var(--line) }
"""
ARROW_HEAD = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>'
)


def terminal(venue: Venue, width: int = 100) -> str:
    """A table of the components in start order: step, what it is, hosts, what it waits for."""
    table = Table(box=None, pad_edge=False)
    for heading in ("step", "component", "what it is", "hosts", "waits for"):
        table.add_column(heading, overflow="fold")
    for step, tier in enumerate(start_order(venue), start=1):
        for place, name in enumerate(tier):
            table.add_row("" if place else str(step), *_row(venue.components[name]))
    paper = StringIO()
    Console(file=paper, width=width, color_system=None).print(table)
    rows = "".join(f"{line.rstrip()}\n" for line in paper.getvalue().splitlines())
    return f"{venue.title}: start order\n\n{rows}"


def mermaid(venue: Venue) -> str:
    """A Mermaid flowchart: an arrow leads from what must be healthy to what waits for it."""
    lines = ["flowchart LR"]
    for component in venue.components.values():
        lines.append(f"  {_mermaid_node(component)}")
        lines += [f"  c_{each.component} --> c_{component.name}" for each in component.depends_on]
    return "\n".join(lines) + "\n"


def svg(venue: Venue) -> str:
    """A drawing of its own, from left to right in start order, for light and dark screens."""
    layout = lay_out(venue.graph)
    spots = _spots(layout)
    width = MARGIN * 2 + len(layout.columns) * (BOX_WIDTH + GAP_ACROSS) - GAP_ACROSS
    height = MARGIN + max(spot.y + BOX_HEIGHT for spot in spots.values())
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>{escape(venue.title)}: start order</title>",
            f"<style>{STYLE}</style>",
            ARROW_HEAD,
            '<rect class="paper" width="100%" height="100%"/>',
            f'<text class="heading" x="{MARGIN}" y="{MARGIN + 12}">{escape(venue.title)}</text>',
            *(_edge(route, spots) for route in layout.routes),
            *(_box(component, spots[component.name]) for component in venue.components.values()),
            "</svg>\n",
        ]
    )


def _row(component: Component) -> tuple[Text, Text, Text, Text]:
    waits = ", ".join(each.component for each in component.depends_on)
    return Text(component.name), Text(component.title), Text(_hosts(component)), Text(waits or "-")


def _hosts(component: Component) -> str:
    """`2 hosts, 1 must be ready`: how many there are and whatever is out of the ordinary."""
    total = len(component.hosts)
    counted = f"{total} host" if total == 1 else f"{total} hosts"
    if component.external:
        return f"external, asked from {counted}"
    enough = f", {component.min_ready} must be ready" if component.min_ready < total else ""
    return counted + enough + ("" if component.critical else ", not critical")


def _mermaid_node(component: Component) -> str:
    name, what = component.name, _hosts(component)
    label = "<br/>".join(_mermaid_text(line) for line in (component.title, what))
    opened, closed = ("([", "])") if component.external else ("[", "]")
    return f'c_{name}{opened}"{label}"{closed}'


def _mermaid_text(text: str) -> str:
    """Letters that Mermaid or its Markdown would read as its own become entities."""
    return "".join(f"#{ord(letter)};" if letter in '"#;&<>`*_\\' else letter for letter in text)


@dataclass(frozen=True)
class _Spot:
    """The upper left corner of a box, or where a bend begins."""

    x: float
    y: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def _spots(layout: Layout) -> dict[str, _Spot]:
    tallest = max(_column_height(column) for column in layout.columns)
    spots: dict[str, _Spot] = {}
    for at, column in enumerate(layout.columns):
        x = MARGIN + at * (BOX_WIDTH + GAP_ACROSS)
        y = HEADING + (tallest - _column_height(column)) / 2
        for node in column:
            spots[node] = _Spot(x, y, _height(node))
            y += _height(node) + GAP_DOWN
    return spots


def _column_height(column: tuple[str, ...]) -> float:
    return sum(_height(node) + GAP_DOWN for node in column) - GAP_DOWN


def _height(node: str) -> float:
    return BEND_HEIGHT if ">" in node else BOX_HEIGHT


def _edge(route: tuple[str, ...], spots: Mapping[str, _Spot]) -> str:
    points = [spots[node] for node in route]
    path = f"M{points[0].x + BOX_WIDTH:g} {points[0].middle:g}"
    for before, after in pairwise(points):
        path += _curve(before, after)
        path += f" H{after.x + BOX_WIDTH:g}" if after.height == BEND_HEIGHT else ""
    return f'<path class="edge" marker-end="url(#arrow)" d="{path}"/>'


def _curve(before: _Spot, after: _Spot) -> str:
    bend = after.x - GAP_ACROSS / 2
    return f" C{bend:g} {before.middle:g} {bend:g} {after.middle:g} {after.x:g} {after.middle:g}"


def _box(component: Component, spot: _Spot) -> str:
    kind = "box external" if component.external else "box"
    x = spot.x + 12
    lines = [
        f'<text class="name" x="{x:g}" y="{spot.y + 20:g}">{_fit(component.name, 26)}</text>',
        f'<text x="{x:g}" y="{spot.y + 36:g}">{_fit(component.title, 30)}</text>',
        f'<text class="soft" x="{x:g}" y="{spot.y + 51:g}">{_fit(_hosts(component), 36)}</text>',
    ]
    return (
        f"<g><title>{escape(component.title)}</title>"
        f'<rect class="{kind}" x="{spot.x:g}" y="{spot.y:g}" width="{BOX_WIDTH}" '
        f'height="{BOX_HEIGHT}" rx="6"/>{"".join(lines)}</g>'
    )


def _fit(text: str, cells: int) -> str:
    """The text cut to so many cells; Korean letters take two."""
    return escape(text if cell_len(text) <= cells else set_cell_size(text, cells - 1) + "…")
