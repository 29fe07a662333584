"""Count lines of code in each room of the package: ``python docs/count_lines.py``.

Docstrings, comments and empty lines are no code. ``--files`` counts each file as well.
"""

import ast
import sys
import tokenize
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "sknn_scratch"
WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
LAYOUT = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENCODING, tokenize.ENDMARKER),
}


def lines_of(node):
    """Return the numbers of the lines on which a node stands."""
    return range(node.lineno, node.end_lineno + 1)


def lines_of_code(path):
    """Return the numbers of the lines that hold code."""
    with tokenize.open(path) as file:
        tokens = [t for t in tokenize.generate_tokens(file.readline) if t.type not in LAYOUT]
    code = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    documented = (node for node in nodes if isinstance(node, WITH_DOCSTRING))
    docstrings = (node.body[0] for node in documented if ast.get_docstring(node, clean=False))
    return code.difference(*map(lines_of, docstrings))


def main():
    """Print a line for each room, and the whole with and without the compiled engine."""
    counts = {path: len(lines_of_code(path)) for path in sorted(PACKAGE.rglob("*.py"))}
    rooms = Counter()
    for path, count in counts.items():
        rooms[path.parent.relative_to(PACKAGE).as_posix()] += count
        if "--files" in sys.argv:
            print(f"{count:6} {path.relative_to(PACKAGE)}")
    for room, count in sorted(rooms.items()):
        print(f"{count:6} {room}")
    compiled = ("engine/kernels/", "engine/compiled.py", "compile_kernels.py")
    without = sum(
        count
        for path, count in counts.items()
        if not path.relative_to(PACKAGE).as_posix().startswith(compiled)
    )
    print(f"{rooms.total():6} in all, {without} without the compiled engine")


if __name__ == "__main__":
    main()
