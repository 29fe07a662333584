"""scikit-learn's private names stand in one file, with what they are for."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sklearn

import sknn_scratch
from sknn_scratch import _sklearn

PACKAGE = Path(sknn_scratch.__file__).parent
TREES = {
    path.relative_to(PACKAGE): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")
}
OTHERS = sorted(set(TREES) - {Path("_sklearn.py")})
# Of Python, of a NamedTuple, and of threadpoolctl; and what a model file says of itself
NOT_OF_SKLEARN = {"_getframe", "_replace", "_real_set_num_threads"}
NOT_OF_SKLEARN |= {"_sknn_scratch_version", "_sknn_scratch_checksum"}
NOT_OF_SKLEARN |= {"_bin_"}  # in the names of encoded columns
NOT_OF_SKLEARN |= {"_parse_sklearn"}  # of skl2onnx
NOT_OF_SKLEARN |= {"_rand", "_bit_generator"}  # numpy's common generator; of a RandomState
LISTED = set(re.findall(r"`(_\w+)`", _sklearn.__doc__.partition("not import")[2]))


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def nodes(paths=OTHERS):
    for path in paths:
        yield from ast.walk(TREES[path])


def private_imports(tree):
    """Yield what a file imports from scikit-learn by a path that has a private part."""
    for node in ast.walk(tree):
        paths = []
        if isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
        for path in paths:
            root, *parts = path.split(".")
            if root == "sklearn" and any(map(is_private, parts)):
                yield path


@pytest.mark.parametrize("path", OTHERS, ids=str)
def test_no_other_file_imports_a_private_name(path):
    assert not list(private_imports(TREES[path])), "import it from sknn_scratch._sklearn"


@pytest.mark.parametrize(
    "code",
    [
        "from sklearn.base import clone, _fit_context",
        "from sklearn.utils._param_validation import Interval",
        "import sklearn.utils._param_validation as checks",
        "from sklearn import _config",
    ],
)
def test_private_imports_are_found(code):
    assert list(private_imports(ast.parse(code)))
    assert not list(private_imports(ast.parse("from sklearn.base import clone, __version__")))


def test_all_that_is_kept_there_is_used():
    imported = {
        alias.name
        for node in nodes()
        if isinstance(node, ast.ImportFrom) and node.module == "sknn_scratch._sklearn"
        for alias in node.names
    }
    kept = {
        alias.asname or alias.name
        for node in ast.walk(TREES[Path("_sklearn.py")])
        if isinstance(node, ast.ImportFrom) and node.module.startswith("sklearn.")
        for alias in node.names
    }
    assert imported == kept


def our_own():
    """Return the private names that the package itself defines or assigns."""
    names = set()
    for node in nodes():
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return names


def in_use():
    """Return the private names that the package reads or sets, as attributes or by their names."""
    attributes = {node.attr for node in nodes() if isinstance(node, ast.Attribute)}
    texts = {node.value for node in nodes() if isinstance(node, ast.Constant)}
    assigned = {
        node.id
        for node in nodes()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    by_name = {text for text in texts if isinstance(text, str) and re.fullmatch(r"_\w+", text)}
    return {name for name in attributes | by_name | assigned if is_private(name)}


def test_private_names_that_are_not_imported_are_listed():
    assert in_use() - our_own() - NOT_OF_SKLEARN <= LISTED
    assert in_use() >= LISTED


def test_scikit_learn_has_the_names_that_are_listed():
    folder = Path(sklearn.__file__).parent
    modules = ["base.py", "model_selection/_search.py", "metrics/_scorer.py"]
    modules += ["ensemble/_base.py", "ensemble/_bagging.py", "compose/_target.py"]
    paths = [*(folder / module for module in modules), *(folder / "callback").glob("*.py")]
    paths.append(folder / "utils/_repr_html/base.py")
    source = "\n".join(path.read_text("utf-8") for path in paths)
    assert {name for name in LISTED if re.search(rf"\b{name}\b", source)} == LISTED


@pytest.mark.slow
def test_a_name_that_has_vanished_is_an_error_that_says_what_to_do():
    code = (
        "from sklearn.model_selection import _validation; del _validation._insert_error_scores; "
        "import sknn_scratch.model_selection"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert f"does not work with scikit-learn {sklearn.__version__}" in last
    assert "cannot import name '_insert_error_scores'" in last
    assert last.endswith("Install a newer sknn_scratch, or scikit-learn 1.9.")
