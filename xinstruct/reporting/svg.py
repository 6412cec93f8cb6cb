"""A small SVG helper: shapes with classes, escaped text, axes.

Colours come from the page's style sheet by class (``s0`` to ``s7`` for series), so that figures follow the light and
the dark theme. All coordinates are rounded to a tenth: the same data, the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape


def num(value: float) -> str:
    """Format a coordinate: one decimal, no negative zero."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def svg(width: float, height: float, label: str, *parts: str) -> Markup:
    """Return a figure that scales to its column, with a label for screen readers."""
    head = f'<svg class="fig" viewBox="0 0 {num(width)} {num(height)}" role="img" aria-label="{escape(label)}">'
    return Markup("\n".join([head, *parts, "</svg>"]))


def rect(x: float, y: float, width: float, height: float, cls: str, tip: str = "") -> str:
    """A bar with slightly rounded corners and a tooltip."""
    body = f"<title>{escape(tip)}</title>" if tip else ""
    box = f'x="{num(x)}" y="{num(y)}" width="{num(max(0.0, width))}" height="{num(max(0.0, height))}"'
    return f'<rect class="{cls}" {box} rx="2">{body}</rect>'


def line(x1: float, y1: float, x2: float, y2: float, cls: str = "grid") -> str:
    """A straight line."""
    return f'<line class="{cls}" x1="{num(x1)}" y1="{num(y1)}" x2="{num(x2)}" y2="{num(y2)}"/>'


def text(x: float, y: float, content: str, anchor: str = "start", cls: str = "") -> str:
    """A label; anchor is start, middle or end."""
    name = f' class="{cls}"' if cls else ""
    return f'<text{name} x="{num(x)}" y="{num(y)}" text-anchor="{anchor}">{escape(content)}</text>'


def path(points: Sequence[tuple[float, float]], cls: str) -> str:
    """A line through points."""
    steps = " ".join(f"{'M' if i == 0 else 'L'}{num(x)} {num(y)}" for i, (x, y) in enumerate(points))
    return f'<path class="{cls}" d="{steps}"/>'


def dot(x: float, y: float, cls: str, tip: str = "", radius: float = 4) -> str:
    """A point with a tooltip."""
    body = f"<title>{escape(tip)}</title>" if tip else ""
    return f'<circle class="{cls}" cx="{num(x)}" cy="{num(y)}" r="{num(radius)}">{body}</circle>'


def diamond(x: float, y: float, cls: str, tip: str = "", radius: float = 5) -> str:
    """A point of another shape, so that series differ without colour too."""
    corners = (
        f"M{num(x)} {num(y - radius)}L{num(x + radius)} {num(y)}L{num(x)} {num(y + radius)}L{num(x - radius)} {num(y)}Z"
    )
    body = f"<title>{escape(tip)}</title>" if tip else ""
    return f'<path class="{cls}" d="{corners}">{body}</path>'


def legend(x: float, y: float, entries: Sequence[tuple[str, str]]) -> str:
    """A row of swatches with names: (class, name)."""
    parts = []
    for cls, name in entries:
        parts += [rect(x, y - 9, 10, 10, cls), text(x + 15, y, name, cls="small")]
        x += 15 + 6.6 * len(name) + 18
    return "\n".join(parts)
