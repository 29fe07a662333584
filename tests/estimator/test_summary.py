"""What a fitted estimator shows of itself: the table of its layers, and its HTML repr."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import ReLU
from sknn_scratch.estimators.base import DOCS

X, y = load_iris(return_X_y=True)
X = scale(X)
ESTIMATORS = [MLPScratchClassifier, MLPScratchRegressor]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fitted(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": (300, 5), "max_iter": 2} | params).fit(X, y)


# The table of layers


def test_text():
    model = fitted(activation=["tanh", ReLU()])
    assert str(model.summary()) == repr(model.summary())
    assert str(model.summary()).splitlines() == [
        "MLPScratchClassifier: 4 features, 3 outputs",
        "layer     weights   biases  activation  parameters",
        "--------  --------  ------  ----------  ----------",
        "hidden 1  (4, 300)  (300,)  tanh             1,500",
        "hidden 2  (300, 5)  (5,)    ReLU             1,505",
        "output    (5, 3)    (3,)    softmax             18",
        "--------  --------  ------  ----------  ----------",
        "total                                        3,023",
        "float64, 24,184 bytes",
    ]


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("sizes", [(), 3, [4, 4], np.array([2, 3, 2])])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_rows(solver, sizes, cls):
    model = fitted(cls, hidden_layer_sizes=sizes, solver=solver, activation="gelu")
    table = pd.DataFrame(model.summary().rows)
    assert list(table["weights"]) == [W.shape for W in model.coefs_]
    assert list(table["biases"]) == [b.shape for b in model.intercepts_]
    assert table["parameters"].sum() == model.n_parameters_
    assert list(table["activation"]) == ["gelu"] * np.size(sizes) + [model.out_activation_]
    assert list(table["layer"])[-1] == "output"


def test_zeros_are_counted_where_there_are_some():
    assert "zeros" not in str(fitted().summary())
    model = fitted(l1=[0.1, 0.0, 0.0], hidden_layer_sizes=(5, 5), max_iter=30)
    summary = model.summary()
    assert summary.rows[0]["zeros"] == (model.coefs_[0] == 0).sum() > 0
    head, *_, total, _ = str(summary).splitlines()[1:]
    assert head.endswith("zeros")
    assert total.endswith(f" {sum(row['zeros'] for row in summary.rows)}")


def test_float32():
    model = MLPScratchClassifier((3,), max_iter=2).fit(X.astype(np.float32), y)
    assert str(model.summary()).endswith(f"float32, {4 * model.n_parameters_} bytes")


class Cells(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.rows, self.caption, self.tag = [], "", None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tag = tag
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.tag == "caption":
            self.caption += data
        else:
            self.rows[-1][-1] += data


def test_html_has_what_the_text_has():
    class Odd(ReLU):
        pass

    Odd.__name__ = "<Odd & Co>"
    summary = fitted(activation=Odd(), hidden_layer_sizes=(5,)).summary()
    cells = Cells(summary._repr_html_())
    assert cells.caption == summary.title
    assert len(cells.rows) == 4
    assert cells.rows[1] == ["hidden 1", "(4, 5)", "(5,)", "<Odd & Co>", "25"]
    words = " ".join(" ".join(row) for row in cells.rows).split()
    text = "\n".join(str(summary).splitlines()[1:-1])
    assert words == [word for word in text.split() if set(word) != {"-"}]


def test_not_fitted():
    with pytest.raises(NotFittedError):
        MLPScratchClassifier().summary()


# The repr in notebooks


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_html_repr_describes_every_parameter_and_attribute(cls):
    model = fitted(cls, early_stopping=True)
    html = model._repr_html_()
    page = f"{DOCS}/reference/generated/sknn_scratch.{cls.__name__}.html"
    described = dict(
        re.findall(
            rf'href="{re.escape(page)}#:~:text=\S+">\s+(\w+)\s+<span class="param-doc-description"'
            r".*?>\s*(.*?)</span>",
            html,
            re.S,
        )
    )
    attributes = {name for name in vars(model) if re.fullmatch(r"[a-z]\w*_", name)}
    assert set(described) == set(model.get_params()) | attributes | {"selected_features_"}
    assert described["alpha"].startswith("alpha: float, default=0.0001<br><br>Strength of")
    assert described["beta_2"].startswith(
        "beta_2: float, default=0.999<br><br>Decay rate of the se"
    )


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_html_repr_links_to_the_page(cls):
    page = f"{DOCS}/reference/generated/sknn_scratch.{cls.__name__}.html"
    for model in (cls(), make_pipeline(StandardScaler(), cls())):
        assert f'href="{page}"' in model._repr_html_()


class Derived(MLPScratchClassifier):
    pass


def test_class_of_another_package_links_to_no_page_of_ours():
    assert DOCS not in Derived()._repr_html_()
