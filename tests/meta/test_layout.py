"""The house: which folder may import which, and in which order the files of a folder build."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import sknn_scratch

PACKAGE = Path(sknn_scratch.__file__).parent
# What stands beside the folders and imports none of them
GROUND = [
    "_version",
    "_typing",
    "_files",
    "_optional",
    "_warnings",
    "_pipelines",
    "_sklearn",
    "_arguments",
    "exceptions",
]
TOOLS = [
    "gradient_check",
    "reference",
    "datasets",
    "callbacks",
    "plain_file",
    "model_files",
    "compile_kernels",
]
# A line a folder: what its files may import beside each other
MAY_IMPORT = {
    "engine": [],
    "estimators": ["engine", *GROUND],
    "model_selection": ["engine", "estimators", *GROUND],
    "ensemble": ["estimators", "model_selection", *GROUND],
    "tabular": ["estimators", "ensemble", *GROUND],
    "onnx_export": ["engine", "estimators", "ensemble", "tabular", *GROUND],
    # Besides what users hand over: public names, and what trains the candidates of a search
    "plotting": ["gradient_check", "model_selection", *GROUND],
    **{name: ["engine", "estimators", *GROUND] for name in TOOLS},
    "callbacks": ["engine", "estimators", "model_selection", *GROUND],
    "model_files": ["estimators", "onnx_export", "plain_file", *GROUND],
    **{name: GROUND[:number] for number, name in enumerate(GROUND)},
}
# A file imports only from those before it in its folder
ORDER = {
    "engine": "subnormals parameters initializers activations target_weights losses penalties "
    "solvers schedules progress dropout network outputs batches objective training lbfgs kernels "
    "compiled",
    "engine.kernels": "compiler records functions activations losses penalties layers solvers "
    "epoch shuffling twister",
    "estimators": "threads interrupts epoch_count verbose hooks rollback summary checksum "
    "data_faults labels validation encoding missing_targets class_weights validation_units "
    "early_stopping registries constraints build conversion advice fitted prepare resume fit state "
    "named_functions torch_modules torch_reading torch_conversion base classifier regressor",
    "model_selection": "plan inputs train handover side_by_side workers rounds progress reporting "
    "watch evaluate search halving bars search_progress",
    "ensemble": "members base bagging",
    "tabular": "columns table target kinds piecewise_linear smooth_clip recipe",
    "onnx_export": "errors graph functions activations network standalone missing categories "
    "quantiles tables columnwise ensembles container network_converters transformer_converters "
    "registration samples comparison conversion",
    "plotting": "_arguments _matplotlib _fitted _params _candidates _decision_boundary "
    "_decision_boundary_grid _gradient_check _weights _training_curve _search_results "
    "_parameter_axis _search_lines _search_map _search_rounds _search_choice _search_notes "
    "_search",
}
FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
MODULES = [name for name in FILES if not name.endswith("__init__")]


def imports(module):
    """Yield the modules that a file imports, as far as they are files of the package."""
    for root, *rest in imported_names(module):
        name = ".".join(rest)
        if root == "sknn_scratch" and rest:
            yield name if name in FILES else name.rpartition(".")[0]


@cache
def tree(module):
    return ast.parse(FILES[module].read_text("utf-8"))


def imported_names(module):
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            for alias in node.names:
                yield [*node.module.split("."), alias.name]


def folder(module):
    """Return the folder of a file; a file beside the folders is one for itself."""
    return module.split(".")[0]


def test_every_file_has_its_place():
    placed = {f"{name}.{file}" for name, files in ORDER.items() for file in files.split()}
    assert placed - {"engine.kernels"} | {*GROUND, *TOOLS} == set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_folders_import_one_way(module):
    for name in imports(module):
        if name and folder(name) != folder(module):
            assert folder(name) in MAY_IMPORT[folder(module)], f"{module} imports {name}"


@pytest.mark.parametrize("place", ORDER)
def test_files_of_a_folder_build_in_order(place):
    order = ORDER[place].split()
    for module in (name for name in MODULES if name.rpartition(".")[0] == place):
        for name in imports(module):
            if name.startswith(f"{place}."):
                beside = name.removeprefix(f"{place}.").split(".")[0]
                own = module.rpartition(".")[2]
                assert order.index(beside) < order.index(own), f"{module} imports {name}"


def private_methods(modules):
    """Return the private methods of the classes in these modules."""
    nodes = [node for module in modules for node in tree(module).body]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    functions = [node for cls in classes for node in cls.body if isinstance(node, ast.FunctionDef)]
    return {f.name for f in functions if f.name.startswith("_") and not f.name.startswith("__")}


ESTIMATORS = ["estimators.base", "estimators.classifier", "estimators.regressor"]


@pytest.mark.parametrize("module", [name for name in MODULES if name not in ESTIMATORS])
def test_no_private_method_of_an_estimator_is_called_from_elsewhere(module):
    # That one is scikit-learn's, by which it has parameters checked
    private = private_methods(ESTIMATORS) - {"_validate_params"}
    of_others = private - private_methods([module])
    assert not {n.attr for n in ast.walk(tree(module)) if isinstance(n, ast.Attribute)} & of_others


@pytest.mark.parametrize("module", FILES)
def test_only_numpy_scipy_and_scikit_learn_are_needed(module):
    needed = {"numpy", "scipy", "sklearn", "joblib", "sknn_scratch"}
    if folder(module) == "plotting":
        needed.add("matplotlib")
    if module.startswith("engine"):
        needed -= {"sklearn", "joblib"}
    if module.startswith("estimators.torch_"):
        needed.add("torch")
    if module.startswith("engine.kernels"):
        needed.add("numba")
    assert {root for root, *_ in imported_names(module)} <= needed | sys.stdlib_module_names


def test_the_engine_trains_without_scikit_learn():
    code = """
import sys
sys.modules["sklearn"] = sys.modules["joblib"] = None
import numpy as np
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.initializers import INITIALIZERS, draw_parameters
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.schedules import SCHEDULES
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.engine.batches import MiniBatches
from sknn_scratch.engine.training import Optimizer, train

draw = np.random.RandomState(0)
X = draw.normal(size=(200, 3))
y = X[:, :1] * X[:, 1:2]
params = Parameters.empty([3, 20, 1], np.float64)
draw_parameters(params, INITIALIZERS["he_normal"], [2.0, 1.0], draw)
objective = Objective([ACTIVATIONS["relu"]()], LOSSES["squared_error"](), [], params)
optimizer = Optimizer(SOLVERS["adam"](), SCHEDULES["constant"](learning_rate_init=0.01))
batches = MiniBatches(X, y, None, 20, np.arange(200), draw)
losses = []
train(optimizer, objective, params, batches, 100, lambda epoch: losses.append(epoch.loss))
print(losses[0], losses[-1])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, last = map(float, done.stdout.split())
    assert last < first / 10


@pytest.mark.parametrize("path", [p for p in FILES if p != "_warnings"])
def test_warnings_are_issued_by_the_helper(path):
    """It finds the user's line; a `stacklevel` counted by hand is wrong for a pipeline."""
    source = FILES[path].read_text("utf-8")
    assert "import warnings" not in source
    assert "stacklevel" not in source


def test_the_picture_of_the_house_is_drawn_from_the_code():
    script = Path(__file__).parents[2] / "docs" / "draw_house.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False)
    assert done.returncode == 0, "draw it again: python docs/draw_house.py"
