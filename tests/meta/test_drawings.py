"""The drawings of the mathematics are up to date, and their shapes and factors are right."""

import importlib
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"
SIZES = {"n": 7, "d": 5, "h": 4, "K": 3, "1": 1}


@pytest.fixture(params=["draw_shapes", "draw_curves"])
def module(request, monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module(request.param)


@pytest.fixture
def shapes(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("draw_shapes")


@pytest.fixture
def curves(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("draw_curves")


def numbers(text):
    """Return the numbers of a drawing, and the text around them."""
    number = r"-?\d+\.\d+"
    return np.array(re.findall(number, text), dtype=float), re.sub(number, "", text)


def test_drawings_are_those_of_the_scripts(module):
    for name, drawn in module.draw_all().items():
        kept = (DOCS / "images" / name).read_text("utf-8")
        message = f"draw it again: python docs/{module.__name__}.py"
        assert numbers(kept)[1] == numbers(drawn)[1], message
        # A tenth of a pixel is the last digit
        np.testing.assert_allclose(*(numbers(t)[0] for t in (kept, drawn)), atol=0.11, rtol=0)


def test_drawings_are_shown_and_say_what_they_show(module):
    page = (DOCS / "mathematics.md").read_text("utf-8")
    for name, drawn in module.draw_all().items():
        assert f"](images/{name})" in page
        assert len(ElementTree.fromstring(drawn).get("aria-label")) > 10


def test_equations_hold_for_arrays_of_these_shapes(shapes):
    """By numpy, which knows nothing of the script's own check."""
    for equation in (line for lines in shapes.PICTURES.values() for line in lines):
        arrays = [
            f"np.ones(({SIZES[rows]}, {SIZES[columns]}))"
            for rows, columns in re.findall(r"\[(\w) (\w)\]", equation)
        ]
        signs = [*re.findall(r"\] (\S) ", equation.replace("∘", "*")), ""]
        left, right = "".join(map("".join, zip(arrays, signs, strict=True))).split("=")
        assert eval(left).shape == eval(right).shape, equation


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("Z_1 [n h] = X [n d] @ W_1 [h d]", "W_1 has h rows"),
        ("Z_1 [n d] = X [n d] @ W_1 [d h]", "The left side has the shape"),
        ("Δ_1 [n h] = Δ_2 [n K] @ W_2^T [K h] ∘ f'(Z_1) [n K]", "has the shape"),
        ("Z_1 [n h] = X [n d] @ W_1 [d h] + b_1 [1 h]", "different shapes"),
        ("X [n d] @ W_1 [d h]", "Not an equation"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, wrong, said):
    with pytest.raises(ValueError, match=said):
        shapes.draw_equation(wrong, 0)


@pytest.mark.parametrize("name", ["gd", "momentum", "Nesterov's momentum"])
def test_factors_are_those_of_the_solvers(curves, name):
    x = np.geomspace(0.003, 0.999, 25)
    by_solver = [curves.measured_factor(name, value) for value in x]
    # At a double root, rounding moves it by its square root
    np.testing.assert_allclose(curves.factor(name, x), by_solver, atol=1e-7)


def test_nesterovs_momentum_has_the_root_of_the_condition_in_it(curves):
    """Its worst factor is 1 - sqrt(x) at the flattest coordinate x = 0.01; that of gd is 1 - x."""
    x = np.linspace(0.01, 1, 500)
    worst = {name: curves.factor(name, x).max() for name in list(curves.METHODS)[:3]}
    assert worst["gd"] == pytest.approx(0.99)
    assert worst["Nesterov's momentum"] == pytest.approx(0.9)
    assert worst["momentum"] == pytest.approx(curves.MOMENTUM**0.5)
    assert worst["momentum"] > worst["Nesterov's momentum"]
