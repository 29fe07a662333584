"""The course: each check fails before its exercise is done, says why, and passes afterwards."""

import ast
import importlib.util
import json
import re
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("course", ROOT / "docs/_extensions/course.py")
course = importlib.util.module_from_spec(spec)
spec.loader.exec_module(course)

TEXT = course.COURSE.read_text("utf-8")
PAGE = (ROOT / "docs" / "course.md").read_text("utf-8")
CELLS = re.split(r"^# %%\n", TEXT, flags=re.M)
HEADINGS = re.findall(r"^# Part (\d+)\. .* \((\d+) minutes\)$", TEXT, re.M)
EXERCISES = [number for number, cell in enumerate(CELLS) if "# BEGIN SOLUTION" in cell]
GAP = "Write this function"
# What the check says of what students are given
SAID_BEFORE = {
    1: GAP,
    2: r"np\.logaddexp\(0, z\) is log",
    3: GAP,
    4: GAP,
    5: GAP,
    6: "the gradients of W1 and b1 are wrong",
    7: "3 of 23 samples are never seen",
    8: "p_3 is not. There p and q differ for the first time",
    9: "B = 10: the penalty is 10 times too weak",
    10: r"the weights \[-0.2  0.1\] leapt over zero",
    11: GAP,
    12: "the boundary is open",
    13: GAP,
    14: "the biases are missing",
}
DELTA = "delta_2 = (expit(z) - Y) / len(X)\n    delta_1 = delta_2 @ W[1].T"
SLOPE = " * (1 - A_1**2)"
GRADIENTS = "return [X.T @ delta_1, A_1.T @ delta_2], [delta_1.sum(axis=0), delta_2.sum(axis=0)]"
# More wrong answers, by the number of the exercise, and what the check says of them
WRONG = [
    (1, "pass", "returns nothing"),
    (1, "return X @ W + b", "this is z"),
    (1, "return expit(X @ W)", "the bias is missing"),
    (1, "return expit(-X @ W - b)", "of class 0"),
    (1, "return expit(X @ W + b)[:, 0]", r"the shape is \(150,\), not \(150, 1\)"),
    (2, "return np.sum(np.logaddexp(0, z) - y * z)", "this is a sum"),
    (
        3,
        "delta = (Y - neuron(X, W, b)) / len(X)\n    return X.T @ delta, delta.sum(axis=0)",
        "the sign is wrong",
    ),
    (3, "delta = neuron(X, W, b) - Y\n    return X.T @ delta, delta.sum(axis=0)", "this is a sum"),
    (4, "A_1 = X @ W[0] + b[0]\n    return A_1, A_1 @ W[1] + b[1]", "the tanh is missing"),
    (4, "A_1 = np.tanh(X @ W[0])\n    return A_1, A_1 @ W[1] + b[1]", "the bias is missing"),
    (
        4,
        "A_1 = np.tanh(X @ W[0] + b[0])\n    return A_1, expit(A_1 @ W[1] + b[1])",
        "probabilities",
    ),
    (5, f"{DELTA}\n    {GRADIENTS}", "the derivative of tanh is missing"),
    (5, f"{DELTA}{SLOPE}\n    {GRADIENTS}".replace(" / len(X)", ""), "lacks the 1/n"),
    (5, f"{DELTA}{SLOPE}\n    {GRADIENTS}".replace("2.sum", "2.mean"), "1/n is in Delta_2"),
    (
        7,
        "for start in range(0, n, batch_size):\n        yield np.arange(n)[start:][:batch_size]",
        "order",
    ),
    (7, "for _ in range(5):\n        yield generator.integers(n, size=5)", "must occur once"),
    (8, "p_next = q + rate * slope(q)", "off by up to"),
    (10, "return np.where(np.abs(w) > t, w, 0)", "off by up to"),
    (11, "return history['validation_score'][-1] > 0.975", "is not steady"),
    (
        11,
        "s = history['validation_score']\n    return len(s) > 1 and s[-1] - s[-2] < 0.005",
        "too low",
    ),
    (13, "return np.log(model.predict_proba(X)[np.arange(len(y)), y]).mean()", "is positive"),
]


def wrong_answers(number, cell):
    """Yield the cell of an exercise with each wrong answer, and what the check says of it."""
    yield course.for_students(cell), SAID_BEFORE[number]
    for exercise, answer, said in WRONG:
        if exercise == number:
            yield course.SOLUTION.sub(lambda match, a=answer: f"{match['indent']}{a}\n", cell), said


@pytest.mark.slow
def test_each_check_fails_until_the_exercise_is_done():
    matplotlib.use("agg")
    variables, messages = {"__name__": "__main__"}, []
    for place, cell in enumerate(CELLS):
        if place in EXERCISES:
            number = EXERCISES.index(place) + 1
            for wrong, said in wrong_answers(number, cell):
                exec(wrong, variables)
                with pytest.raises((AssertionError, NotImplementedError), match=said) as error:
                    exec(CELLS[place + 1], variables)
                messages.append(str(error.value))
        exec(cell, variables)
    plt.close("all")
    (quoted,) = re.findall(r"^> (.*)$", PAGE, re.M)
    assert quoted in messages
    assert variables["whole"].score(variables["X_test"], variables["y_test"]) > 0.95


def test_the_parts_take_90_minutes():
    assert [int(number) for number, _ in HEADINGS] == list(range(1, 11))
    assert sum(int(minutes) for _, minutes in HEADINGS) == 90
    listed = re.findall(r"^(\d+)\. .* \((\d+)\)$", ast.get_docstring(ast.parse(TEXT)), re.M)
    assert listed == HEADINGS
    assert re.findall(r"^\| (\d+)\. [^|]* \| (\d+) \|", PAGE, re.M) == HEADINGS


def test_exercises_are_numbered_and_checked():
    numbers = re.findall(r"\*\*Exercise (\d+)\.\*\*", TEXT)
    assert [int(number) for number in numbers] == list(SAID_BEFORE)
    assert len(EXERCISES) == len(numbers)
    assert all(CELLS[place + 1].startswith("# *Check.*") for place in EXERCISES)


def test_the_notebook_for_students(tmp_path):
    pytest.importorskip("sphinx_gallery")
    path = tmp_path / "course.ipynb"
    course.write_notebook(path)
    cells = json.loads(path.read_text("utf-8"))["cells"]
    texts = {kind: [] for kind in ("markdown", "code")}
    for cell in cells:
        texts[cell["cell_type"]].append("".join(cell["source"]))
    code, prose = "\n".join(texts["code"]), "\n".join(texts["markdown"])
    ast.parse(code)
    assert code.count("# YOUR CODE HERE") == len(EXERCISES)
    assert "SOLUTION" not in code
    solutions = [match["solution"].strip() for match in course.SOLUTION.finditer(TEXT)]
    assert len(solutions) == len(EXERCISES)
    assert not [solution for solution in solutions if f"{solution}\n" in code]
    assert not re.findall(r":\w+:`|^\.\. |^={4,}|^-{4,}", prose, re.M)  # reStructuredText
