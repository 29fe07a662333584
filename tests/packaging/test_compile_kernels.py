"""The command that compiles before the first fit: what it prints, and where the result lies."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import sknn_scratch
from sknn_scratch import compile_kernels

PACKAGE = Path(sknn_scratch.__file__).parent
# For one dtype: the other goes the same way, and would take as long again
COMMAND = """
from sknn_scratch import compile_kernels
compile_kernels.DTYPES = ("float32",)
compile_kernels.main()
"""

# In place of the loops, which take fifteen seconds to compile
LOOPS = """
from sknn_scratch.engine.kernels.compiler import cached, compiled


@compiled
def _clear(vector):
    vector[:] = 0


@cached
def run_steps(
    first, last, sums, flats, orders, rates, noise, X, y, weight, shares, error_of_constant,
    layers, parts, settings, params, at, grad, m, v, scratch, work,
):
    _clear(grad)
"""


def run(folder, cache):
    """Run the command of the package in `folder`, with `cache` as the user's folder for caches."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    env |= {"HOME": str(cache), "XDG_CACHE_HOME": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", COMMAND],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


@pytest.fixture
def read_only(tmp_path):
    """Return a folder with a copy of the package, beside whose kernels nothing can be written."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "installed" / "sknn_scratch", ignore=ignore)
    kernels = tmp_path / "installed" / "sknn_scratch" / "engine" / "kernels"
    (kernels / "epoch.py").write_text(LOOPS, "utf-8")
    # A file where numba would make a folder stops the superuser too, whom permissions do not
    (kernels / "__pycache__").touch()
    return tmp_path / "installed"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="moves the user's cache as on Linux")
def test_compiles_once_where_the_package_cannot_be_written_to(read_only, tmp_path):
    pytest.importorskip("numba")
    cache = tmp_path / "cache"
    *first, where = run(read_only, cache)
    assert [line.split(" in ")[0] for line in first] == ["float32: compiled"]
    assert where.startswith(f"kept in {cache}")
    kept = sorted(Path(where.removeprefix("kept in ")).glob("*.nbc"))
    # One function that trains, whatever it calls, and one that shuffles
    assert [path.name.partition("-")[0].rpartition("_")[0] for path in kept] == [
        "epoch.run_steps",
        "shuffling.shuffle",
    ]
    *second, again = run(read_only, cache)
    assert all(": was kept already, loaded in " in line for line in second)
    assert again == where
    assert sorted(kept[0].parent.glob("*.nbc")) == kept


def fake_kernels(cache_path):
    stats = SimpleNamespace(cache_path=cache_path, cache_hits={})
    return SimpleNamespace(run_steps=SimpleNamespace(stats=stats))


def test_compiles_for_both_dtypes(monkeypatch, capsys):
    monkeypatch.setattr(compile_kernels, "kernels", lambda: fake_kernels("folder"))
    monkeypatch.setattr(compile_kernels, "_compile", lambda run_steps, dtype: "compiled")
    compile_kernels.main()
    assert capsys.readouterr().out == "float32: compiled\nfloat64: compiled\nkept in folder\n"


def test_without_a_folder_it_says_what_to_set(monkeypatch, capsys):
    monkeypatch.setattr(compile_kernels, "kernels", lambda: fake_kernels(None))
    monkeypatch.setattr(compile_kernels, "_compile", lambda run_steps, dtype: "compiled")
    with pytest.raises(SystemExit, match="NUMBA_CACHE_DIR"):
        compile_kernels.main()
    assert "kept in" not in capsys.readouterr().out


def test_without_numba_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sknn_scratch.engine.kernels.epoch", None)
    with pytest.raises(SystemExit, match=r"sknn-scratch\[fast\]"):
        compile_kernels.main()
    assert capsys.readouterr().out == ""
