"""Imports point down only: a file imports from lower floors of the house, or from its own."""

import ast
from pathlib import Path

import pytest

import sknn_scratch

PACKAGE = Path(sknn_scratch.__file__).parent
FLOORS = [
    {"_subnormals"},
    {"activations", "losses", "penalties", "solvers"}
    | {"_parameters", "_initializers", "_schedules", "_monitor", "_progress", "_typing"}
    | {"_files", "_version"},
    {"_network"},
    {"_objective", "_outputs"},
    {"_training", "_lbfgs", "_kernels", "_compiled"},
    {"_assembly", "_callbacks", "_fitting", "_conversion", "_base", "classifier", "regressor"}
    | {"exceptions", "_advice", "_model_state", "_summary", "_validation", "_streams", "_stack"}
    | {"_threads", "_sklearn", "_warnings", "_class_weights", "_early_stopping", "_registries"}
    | {"_checksum", "_interrupts", "_data_faults", "_labels", "_validation_units"},
    {"callbacks", "datasets", "gradient_check", "reference", "plotting", "model_selection"}
    | {"model_files", "compile_kernels"},
]
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
# A module of the package, or a folder of it, by the name under which it stands on its floor
FILES = {
    path: path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")
}
FILES.pop(PACKAGE / "__init__.py")
MODULES = sorted(set(FILES.values()))
# Within these floors modules build on each other; on the others they stand side by side.
STACKED = {4, 5, 6}


def imported_modules(module):
    trees = [ast.parse(path.read_text("utf-8")) for path in FILES if FILES[path] == module]
    for node in (node for tree in trees for node in ast.walk(tree)):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            names = [node.module]
        yield from (name.split(".") for name in names)


def test_every_module_has_a_floor():
    assert set(MODULES) == set(FLOOR)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    for root, *rest in imported_modules(module):
        if root == "sknn_scratch":
            below = FLOOR[rest[0]] < FLOOR[module]
            beside = FLOOR[rest[0]] == FLOOR[module] and FLOOR[module] in STACKED
            assert below or beside, f"{module} imports {rest[0]}"


@pytest.mark.parametrize("module", MODULES)
def test_only_numpy_scipy_and_scikit_learn_are_needed(module):
    needed = {"numpy", "scipy", "sklearn", "joblib", "sknn_scratch"}
    if module == "plotting":
        needed.add("matplotlib")
    if module == "_kernels":
        needed.add("numba")
    standard = __import__("sys").stdlib_module_names
    assert {root for root, *_ in imported_modules(module)} <= needed | standard


@pytest.mark.parametrize("module", [m for m in MODULES if FLOOR[m] < 4])
def test_the_engine_knows_no_estimator(module):
    assert "sklearn" not in {root for root, *_ in imported_modules(module)}


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.name != "_warnings.py"], ids=lambda p: p.stem
)
def test_warnings_are_issued_by_the_helper(path):
    """It finds the user's line; a `stacklevel` counted by hand is wrong for a pipeline."""
    source = path.read_text("utf-8")
    assert "import warnings" not in source
    assert "stacklevel" not in source
