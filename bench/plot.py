"""Measured runs as a picture: one row per scenario, a dot per run, a line where the bar is. SVG, nothing else needed.

Owns the drawing. Leaves what was measured to its callers.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from statistics import median

ROW, LEFT, WIDTH, TOP = 46, 330, 1000, 30
"""Pixels: row height, room for names, whole width, room for the axis."""


def dots(rows: Mapping[str, Sequence[float]], bar: float, unit: str = "s") -> str:
    """`rows` are the runs by scenario; `bar` is what none may exceed."""
    end = max([bar, *(value for runs in rows.values() for value in runs)]) * 1.1
    scale = (WIDTH - LEFT - 20) / end
    height = TOP + ROW * len(rows) + 10

    def at(value: float) -> str:
        return f"{LEFT + value * scale:.1f}"

    drawn = [f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>']
    step = next(size for size in (1, 2, 5, 10, 20, 50, 100, 1000) if end / size <= 12 or size == 1000)
    for value in range(0, int(end) + 1, step):
        drawn.append(f'<line x1="{at(value)}" y1="{TOP}" x2="{at(value)}" y2="{height}" stroke="#dde"/>')
        drawn.append(f'<text x="{at(value)}" y="{TOP - 8}" fill="#678">{value} {unit}</text>')
    for index, (name, runs) in enumerate(rows.items()):
        y = TOP + ROW * index + ROW // 2
        middle = at(median(runs))
        drawn.append(f'<text x="0" y="{y}" fill="#123">{html.escape(name)}</text>')
        drawn.append(f'<text x="0" y="{y + 15}" fill="#678">median {median(runs):.1f} {unit}, {len(runs)} runs</text>')
        drawn.append(f'<line x1="{middle}" y1="{y - 12}" x2="{middle}" y2="{y + 12}" stroke="#28a" stroke-width="2"/>')
        drawn += [f'<circle cx="{at(run)}" cy="{y}" r="5" fill="#28a" fill-opacity="0.5"/>' for run in runs]
    drawn.append(f'<line x1="{at(bar)}" y1="{TOP}" x2="{at(bar)}" y2="{height}" stroke="#b33" stroke-width="2"/>')
    drawn.append(f'<text x="{at(bar)}" y="{height - 4}" dx="4" fill="#b33">bar {bar:.0f} {unit}</text>')
    style = "<style>text{font:12px sans-serif}</style>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">{style}{"".join(drawn)}</svg>\n'
