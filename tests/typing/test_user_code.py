"""What mypy tells a user of the package, from its annotations and its py.typed."""

import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

USER_CODE = str(Path(__file__).with_name("user_code.py"))


@pytest.mark.slow
def test_mypy_knows_the_types(tmp_path, monkeypatch):
    api = pytest.importorskip("mypy.api")
    monkeypatch.chdir(tmp_path)  # away from the sources: the package is found where it is installed
    options = ["--strict", "--disable-error-code", "import-untyped", "--cache-dir", str(tmp_path)]
    report, trouble, status = api.run([*options, USER_CODE])
    assert (report, trouble, status) == ("Success: no issues found in 1 source file\n", "", 0)


def test_the_code_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(USER_CODE, run_name="__main__")
    plt.close("all")
    assert {path.name for path in tmp_path.iterdir()} == {"model.joblib", "network.checkpoint"}
