"""Without numba one value of one parameter is an error, and nothing else."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# None in sys.modules hides modules that are installed; find_spec and the import statement see none
HIDE = """
import importlib.util, sys, warnings
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numba", "llvmlite"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *args: None if name == "numba" else find_spec(name, *args)
warnings.simplefilter("ignore")
"""


def run_without_numba(code):
    """Run code in an interpreter that finds no numba; return what it has printed."""
    result = subprocess.run(
        [sys.executable, "-c", HIDE + textwrap.dedent(code)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def printed():
    """Return what one interpreter without numba prints of its errors, and of what it imports."""
    output = run_without_numba("""
        import importlib, pkgutil, sknn_scratch
        import numpy as np
        from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
        from sknn_scratch.model_selection import MLPGridSearchCV

        X, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
        for cls in (MLPScratchClassifier, MLPScratchRegressor):
            model = cls(max_iter=2, random_state=0).fit(X, y)
            assert model.engine_ == "numpy"
            before = vars(model).copy()
            for method in ("fit", "partial_fit"):
                try:
                    getattr(model.set_params(engine="numba"), method)(X, y)
                except ImportError as error:
                    print(error)
                assert model.coefs_ is before["coefs_"] and model.engine_ == "numpy"
            model.set_params(engine="numpy").fit(X, y).predict(X)
        MLPGridSearchCV(model, {"alpha": [0, 1]}).fit(X, y)
        assert not any(name.partition(".")[0] == "numba" for name in sys.modules)

        print("imported:")
        # torch may be missing as well
        needing_more = ("sknn_scratch.engine.kernels.", "sknn_scratch.estimators.torch_")
        for module in pkgutil.walk_packages(sknn_scratch.__path__, "sknn_scratch."):
            if not module.name.startswith(needing_more):
                importlib.import_module(module.name)
                print(module.name)
    """)
    return output.partition("imported:\n")


@pytest.mark.slow
def test_the_error_names_the_extra_and_leaves_the_model(printed):
    errors, _, _ = printed
    assert len(errors.splitlines()) == 4
    assert set(errors.splitlines()) == {
        "engine='numba' needs numba, which is not installed. Install it by "
        'pip install "sknn-scratch[fast]", or use engine="numpy".'
    }


@pytest.mark.slow
def test_every_other_module_is_imported(printed):
    _, _, modules = printed
    assert {"sknn_scratch.engine.compiled", "sknn_scratch.engine.kernels"} <= set(
        modules.splitlines()
    )


@pytest.mark.slow
def test_doctests_are_collected():
    output = run_without_numba("""
        import pytest
        # Without hypothesis, which the doctests do not need and whose import takes a second
        options = ["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
        sys.exit(pytest.main([*options, "sknn_scratch/__init__.py", "sknn_scratch/engine"]))
    """)
    assert "sknn_scratch.MLPScratchClassifier" in output
    assert "engine.kernels" not in output


@pytest.mark.slow
def test_numba_is_not_imported_unless_it_is_asked_for():
    code = """
import sys, warnings
warnings.simplefilter("ignore")
from sknn_scratch import MLPScratchRegressor
MLPScratchRegressor(max_iter=2).fit([[0.0], [1.0]], [0, 1])
assert "numba" not in sys.modules
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
