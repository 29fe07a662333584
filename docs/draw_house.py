"""Draw which folder of the package imports which, from the code: ``python docs/draw_house.py``.

Writes ``docs/images/house.svg``. A test draws it again and compares, so that it is never out of
date.
"""

import ast
import sys
from collections import Counter
from html import escape
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sknn_scratch"
PICTURE = ROOT / "docs" / "images" / "house.svg"

# Each room with what it holds, and where it stands: left, top, width, height
ROOMS = {
    "plotting": ("Display classes", 20, 20, 430, 150),
    "ground": ("imported by all but the engine", 460, 20, 280, 110),
    "tools": ("what users import directly", 20, 210, 280, 105),
    "onnx_export": ("models as graphs", 50, 360, 225, 200),
    "tabular": ("from a table to networks", 50, 610, 225, 110),
    "ensemble": ("networks that answer together", 540, 770, 200, 75),
    "model_selection": ("searches: many networks", 520, 890, 220, 155),
    "estimators": ("scikit-learn's protocol around the engine", 140, 1080, 500, 150),
    "engine": ("arrays only: numpy and scipy", 20, 1280, 720, 95),
}
COLOURS = ["#fdf1dc", "#eeeeee", "#e6f0fa", "#f3e9f7", "#fdeef3", "#f1f3d8", "#e2f1f0", "#e3f3e6"]
COLOURS += ["#fbe5e1"]
# Where arrows begin and end; those to the ground are told in words
ARROWS = {
    ("plotting", "tools"): (160, 160),
    ("plotting", "model_selection"): (262, 530),
    ("tools", "onnx_export"): (160, 160),
    ("tools", "model_selection"): (225, 524),
    ("tools", "estimators"): (288, 288),
    ("tools", "engine"): (35, 35),
    ("onnx_export", "estimators"): (215, 215),
    ("onnx_export", "engine"): (80, 80),
    ("onnx_export", "tabular"): (150, 150),
    ("onnx_export", "ensemble"): (250, 600),
    ("tabular", "ensemble"): (250, 560),
    ("tabular", "estimators"): (155, 155),
    ("ensemble", "model_selection"): (640, 640),
    ("ensemble", "estimators"): (542, 400),
    ("model_selection", "estimators"): (550, 550),
    ("model_selection", "engine"): (690, 690),
    ("estimators", "engine"): (390, 390),
}


def modules():
    """Return the path of each file of the package by its name, as in ``engine.network``."""
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "__init__.py"
    }


def imports(path):
    """Yield the names within the package that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("sknn_scratch.") for name in names if "sknn_scratch." in name)


def room(name):
    """Return the room of a module: its folder; beside the folders, the ground or the tools."""
    first = name.split(".")[0]
    if first.startswith("_") or first == "exceptions":
        return "ground"
    return first if first in ROOMS else "tools"


def count_arrows():
    """Return how many files of a room import from another one, by the two rooms."""
    arrows = set()
    for name, path in modules().items():
        targets = {room(target) for target in imports(path)} - {room(name)}
        arrows |= {(room(name), target, name) for target in targets}
    return Counter((source, target) for source, target, _ in arrows)


def draw():
    """Return the picture as text."""
    arrows = {pair: n for pair, n in count_arrows().items() if pair[1] != "ground"}
    if unexpected := set(arrows) - set(ARROWS):
        raise SystemExit(f"These rooms are not to import each other, or lack a place: {unexpected}")
    parts = [draw_arrow(*pair, n) for pair, n in sorted(arrows.items())]
    parts += [draw_room(name, colour) for name, colour in zip(ROOMS, COLOURS, strict=True)]
    return HEAD + "\n".join(parts) + "\n</svg>\n"


def draw_room(name, colour):
    """Return a box with the files of a room in it."""
    holds, left, top, width, height = ROOMS[name]
    files = sorted(module.split(".", 1)[-1] for module in modules() if room(module) == name)
    inner = [file for file in files if not file.startswith("kernels.")]
    if len(inner) < len(files):
        inner.append("kernels/")
    lines = wrap("  ".join(inner).replace("  ", ", "), width=int((width - 24) / 6.4))
    if 53 + 15 * len(lines) > height:
        raise SystemExit(f"The files of {name} do not fit into its box: make it higher")
    title = "beside the rooms" if name == "ground" else name
    text = [
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="8" fill="{colour}"'
        ' stroke="#555"/>',
        f'<text x="{left + 12}" y="{top + 22}" class="room">{title}</text>',
        f'<text x="{left + 12}" y="{top + 39}" class="holds">{escape(holds)}</text>',
    ]
    for number, line in enumerate(lines):
        y = top + 60 + 15 * number
        text.append(f'<text x="{left + 12}" y="{y}" class="file">{escape(line)}</text>')
    return "\n".join(text)


def draw_arrow(source, target, n_files):
    """Return an arrow from the lower edge of a room to the upper edge of another, with a number."""
    _, _, top, _, height = ROOMS[source]
    start, end = ARROWS[source, target]
    return (
        f'<line x1="{start}" y1="{top + height}" x2="{end}" y2="{ROOMS[target][2] - 3}" '
        f'stroke="#555" stroke-width="{1 + n_files / 6:.1f}" marker-end="url(#head)"/>\n'
        f'<text x="{start + 7}" y="{top + height + 22}" class="number">{n_files} '
        f"file{'s' * (n_files > 1)}</text>"
    )


HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 1395" role="img" \
aria-label="The folders of sknn_scratch, and which imports which: all arrows point down">
<style>
text { font-family: Helvetica, Arial, sans-serif; fill: #222; }
.room { font-size: 16px; font-weight: bold; }
.holds { font-size: 12px; font-style: italic; }
.file { font-family: Menlo, Consolas, monospace; font-size: 10.5px; }
.number { font-size: 11px; fill: #555; }
</style>
<defs><marker id="head" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="11" markerHeight="11" \
markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L10 5 L0 10 z" fill="#555"/></marker>
</defs>
<rect width="760" height="1370" fill="white"/>
"""

if __name__ == "__main__":
    picture = draw()
    if "--check" in sys.argv:
        sys.exit(picture != PICTURE.read_text("utf-8"))
    PICTURE.write_text(picture, "utf-8")
