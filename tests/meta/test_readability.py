"""Files and functions are short, and what the pages tell a reader to look at is there."""

import ast
import re
import runpy
from pathlib import Path

import pytest

import sknn_scratch

ROOT = Path(__file__).parents[2]
PACKAGE = Path(sknn_scratch.__file__).parent
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
MOST_OF_A_FILE, MOST_OF_A_FUNCTION = 400, 60
COUNT = runpy.run_path(str(ROOT / "docs" / "count_lines.py"))
# scikit-learn wants every parameter in the signature, and each kept under its name
PARAMETERS_OF_A_NETWORK = {
    ("estimators/classifier.py", "__init__"),
    ("estimators/regressor.py", "__init__"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_and_functions_are_short(name):
    code = COUNT["lines_of_code"](FILES[name])
    assert len(code) <= MOST_OF_A_FILE
    for node in ast.walk(ast.parse(FILES[name].read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and (name, node.name) not in PARAMETERS_OF_A_NETWORK:
            length = len(code.intersection(COUNT["lines_of"](node)))
            assert length <= MOST_OF_A_FUNCTION, node.name


def test_docstrings_comments_and_empty_lines_are_no_code(tmp_path):
    file = tmp_path / "file.py"
    lines = ['"""Module.', "", 'More."""', "", 'X = """', "a string", '"""', "# why", "def f():"]
    lines += ['    """Do."""', "    return X"]
    file.write_text("\n".join(lines))
    assert COUNT["lines_of_code"](file) == {5, 6, 7, 9, 11}


def test_the_reading_path_is_there():
    """CONTRIBUTING names twelve files in which a fit can be understood."""
    rows = (ROOT / "docs" / "contributing.md").read_text("utf-8").splitlines()
    named = [row.split("`")[1] for row in rows if row.startswith("| ") and row[2:3].isdigit()]
    assert 0 < len(named) <= 12
    assert set(named) <= set(FILES)


def test_the_rules_of_an_epochs_end_stand_where_the_page_says():
    page = (ROOT / "docs" / "design.md").read_text("utf-8")
    table = page.partition("| rule | where |\n|---|---|\n")[2].partition("\n\n")[0]
    places = [re.findall(r"`(\w+)\.(\w+)`", row) for row in table.splitlines()]
    assert len(places) == 13
    assert all(places)
    for owner, name in (place for row in places for place in row):
        if owner[0].isupper():  # a class
            pattern = rf"^class {owner}\b(?:(?!^\S).*\n)*?    def {name}\("
        else:
            pattern = rf"^def {name}\("
        files = [path for path in FILES.values() if owner[0].isupper() or path.stem == owner]
        found = [path for path in files if re.search(pattern, path.read_text("utf-8"), re.M)]
        assert len(found) == 1, f"{owner}.{name}"
