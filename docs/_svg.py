"""What the scripts that draw pictures share: texts with subscripts, the frame, the files."""

import re
import sys
from html import escape
from pathlib import Path

IMAGES = Path(__file__).parent / "images"
BLUE, ORANGE, GREEN, GREY = "#1f6fb4", "#d9660f", "#1a8f5f", "#666666"
STYLE = (
    "text { font-family: Helvetica, Arial, sans-serif; font-size: 13px; fill: #222 } "
    ".name { font-family: 'Times New Roman', Times, serif; font-style: italic; font-size: 17px } "
    ".size { font-family: 'Times New Roman', Times, serif; font-style: italic; fill: #666 }"
)


def text(x, y, content, *, css="", anchor="middle", colour=None):
    """Return a text; ``_`` lowers the letter after it, and ``^`` raises it."""
    spans, shift = [], 0
    for mark, part in re.findall(r"([_^]?)((?<=[_^])\w|[^_^]+)", content):
        level = {"_": 4, "^": -6}.get(mark, 0)
        size = ' font-size="70%"' if mark else ""
        spans.append(f'<tspan dy="{level - shift}"{size}>{escape(part)}</tspan>')
        shift = level
    attributes = f' class="{css}"' * bool(css) + f' style="fill:{colour}"' * bool(colour)
    body = "".join(spans)
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{attributes}>{body}</text>'


def plain_text(x, y, content):
    """Return a text in which an underscore is an underscore."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(content)}</text>'


def picture(width, height, label, parts):
    """Return the text of a picture on white; `label` is what a screen reader says."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(label)}">',
            f"<style>{STYLE}</style>",
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
            *parts,
            "</svg>\n",
        ]
    )


def write_or_check(pictures):
    """Write the pictures, a dict; with ``--check`` exit with an error if one is out of date."""
    for name, content in pictures.items():
        path = IMAGES / name
        if "--check" not in sys.argv:
            path.write_text(content, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != content:
            sys.exit(f"{name} is out of date: python {sys.argv[0]}")
