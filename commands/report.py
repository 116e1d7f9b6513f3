"""What was promised and measured, at the end of `up`: a table on the terminal, JSON, and a page with a picture.

Owns the three forms. Leaves the figures to the gates (stack outputs `gates` and `promises`).
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from commands.milestones import words
from commands.preparation import Prepared
from commands.progress import Span
from fjordkube.roots import home_root

COLUMNS = ("promise", "measured", "needed")
ROW, BAR, LEFT, WIDTH = 18, 12, 300, 1000
"""Pixels of the timeline: row height, bar height, room for names, whole width."""


def show(prepared: Prepared, spans: Sequence[Span]) -> None:
    """Prints the table and the URL; writes <home>/report/<stack>.json and .html."""
    engine, settings = prepared.engine, prepared.settings
    outputs = engine.outputs()
    promises = outputs.get("promises") or []
    url = outputs.get("url")
    if promises:
        print("\n" + table(promises))
    folder = home_root() / "report"
    folder.mkdir(parents=True, exist_ok=True)
    shown = {key: value for key, value in outputs.items() if key != "kubeconfig"}
    (folder / f"{engine.stack}.json").write_text(json.dumps(shown, indent=1, sort_keys=True) + "\n")
    page_path = folder / f"{engine.stack}.html"
    if spans or not page_path.exists():  # a run that changed nothing keeps the picture of the one that did
        page_path.write_text(page(engine.stack, promises, spans))
    if url:
        host = settings.demo.host
        print(f"\nserved at  {url}   e.g. curl -H 'Host: {host}' {url}")
    print(f"report     {page_path}\ncluster    make kubeconfig STACK={engine.stack}, then kubectl")


def table(rows: Sequence[Mapping[str, str]], columns: Sequence[str] = COLUMNS) -> str:
    """Columns as wide as their longest cell."""
    lines = [tuple(columns), *(tuple(str(row[column]) for column in columns) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "-" * len(max(text, key=len)), *text[1:]])


def page(stack: str, promises: Sequence[Mapping[str, Any]], spans: Sequence[Span]) -> str:
    """One HTML page without scripts or anything from elsewhere: the table, and who worked when."""
    cells = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(row[column]))}</td>" for column in COLUMNS) + "</tr>"
        for row in promises
    )
    heads = "".join(f"<th>{column}</th>" for column in COLUMNS)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>fjordkube: {html.escape(stack)}</title>
<style>body{{font:15px sans-serif;margin:2em auto;max-width:64em;color:#123}}table{{border-collapse:collapse}}
td,th{{text-align:left;padding:.3em 1em .3em 0;border-bottom:1px solid #cde}}text{{font:12px sans-serif}}</style>
<h1>Stack {html.escape(stack)}</h1>
<h2>Promised and measured</h2>
<table><tr>{heads}</tr>{cells}</table>
<h2>Who worked when</h2>
{timeline(spans)}
</html>
"""


def timeline(spans: Sequence[Span]) -> str:
    """An SVG: a row for each step, Kubernetes objects as one row, time to the right in seconds."""
    rows = _rows(spans)
    if not rows:
        return "<p>Nothing had to be changed.</p>"
    end = max(span.end for _, parts in rows for span in parts)
    scale = (WIDTH - LEFT - 10) / max(end, 1.0)
    height = ROW * (len(rows) + 2)
    drawn = []
    step = next(size for size in (5, 10, 30, 60, 120, 300, 600, 3600) if end / size <= 12 or size == 3600)
    for second in range(0, int(end) + 1, step):
        x = LEFT + second * scale
        drawn.append(f'<line x1="{x:.1f}" y1="{ROW}" x2="{x:.1f}" y2="{height}" stroke="#dde"/>')
        drawn.append(f'<text x="{x:.1f}" y="{ROW - 5}" fill="#678">{second} s</text>')
    for index, (name, parts) in enumerate(rows):
        y = ROW * (index + 1) + 4
        drawn.append(f'<text x="0" y="{y + BAR - 2}">{html.escape(name)}</text>')
        for span in parts:
            x, width = LEFT + span.start * scale, max((span.end - span.start) * scale, 1.5)
            title = f"{span.name}: {span.end - span.start:.1f} s"
            drawn.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="#28a" rx="2">'
                f"<title>{html.escape(title)}</title></rect>"
            )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">{"".join(drawn)}</svg>'


def _rows(spans: Sequence[Span]) -> list[tuple[str, list[Span]]]:
    rows: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda s: s.start):
        if span.kind.startswith("pulumi:"):
            continue
        objects = span.kind.startswith("kubernetes:")
        rows.setdefault("Kubernetes objects" if objects else words(span.name), []).append(span)
    return list(rows.items())
