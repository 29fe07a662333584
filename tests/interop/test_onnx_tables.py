"""Tables as ONNX: transformers of columns, and pipelines from a data frame to a network."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.model_files import to_onnx
from sknn_scratch.onnx_export import FUNCTION_CONVERTERS, register_converters
from sknn_scratch.onnx_export.comparison import run
from sknn_scratch.tabular import (
    PiecewiseLinearEncoder,
    SmoothClip,
    tabular_classifier,
    tabular_regressor,
)

skl2onnx = pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")
from skl2onnx.common.data_types import (  # noqa: E402
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

TYPES = {"f4": FloatTensorType, "f8": DoubleTensorType, "i8": Int64TensorType}


def converted(transformer, X):
    """Return what a fitted transformer makes of X in onnxruntime."""
    register_converters()
    X = np.asarray(X)
    kind = TYPES.get(X.dtype.str[1:], StringTensorType)
    types = [("X", kind([None, X.shape[1]]))]
    model = skl2onnx.convert_sklearn(transformer, initial_types=types, target_opset=18)
    (given,) = run(model, {"X": X})
    return given


def numbers(random, n=60):
    """Return columns: plain, rounded, constant, with gaps, skewed, of two values, empty."""
    X = random.normal(size=(n, 7))
    X[:, 1] = np.round(X[:, 1])
    X[:, 2] = 3
    X[::7, 3] = np.nan
    X[:, 4] = np.exp(5 * X[:, 4])
    X[:, 5] = X[:, 5] > 0
    X[:, 6] = np.nan
    return X


RANDOM = np.random.default_rng(0)
SEEN = numbers(RANDOM)
# Within the range and far beyond it, at the edges, and with gaps elsewhere
NEW = np.concatenate([SEEN, 3 * numbers(RANDOM), -1e6 * numbers(RANDOM), SEEN[::-1, ::-1]])


@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "transformer",
    [
        PiecewiseLinearEncoder(),
        PiecewiseLinearEncoder(2, extrapolation="constant"),
        PiecewiseLinearEncoder(strategy="tree", min_samples_leaf=5),
        SmoothClip(),
        SmoothClip(0.5),
        SmoothClip(scaling=None),
        QuantileTransformer(n_quantiles=60, output_distribution="normal"),
        QuantileTransformer(n_quantiles=60),
        QuantileTransformer(n_quantiles=9, output_distribution="normal"),
        QuantileTransformer(n_quantiles=2),
        make_pipeline(SmoothClip(), PiecewiseLinearEncoder(3)),
    ],
    ids=str,
)
def test_transformers_of_numbers(transformer, dtype):
    X, new = SEEN.astype(dtype), NEW.astype(dtype)
    transformer.fit(X, X[:, 0] > 0)
    given, expected = converted(transformer, new), transformer.transform(new)
    assert given.dtype == dtype
    np.testing.assert_allclose(given, expected, rtol=1e-5, atol=1e-6)


def test_a_single_quantile():
    transformer = QuantileTransformer(n_quantiles=1).fit(SEEN[:, :3])
    np.testing.assert_array_equal(
        converted(transformer, SEEN[:, :3]), transformer.transform(SEEN[:, :3])
    )


@pytest.mark.parametrize("transformer", [PiecewiseLinearEncoder(), SmoothClip()], ids=str)
def test_numbers_at_the_limits_of_floats(transformer):
    """They overflow when they are divided by what is less than one."""
    transformer.fit(np.array([[0.0], [0.1], [0.2], [0.5]]))
    for dtype in (np.float32, np.float64):
        large = np.finfo(dtype).max
        new = np.array([[large], [-large], [large / 1e5], [np.finfo(dtype).tiny]], dtype)
        given = converted(transformer, new)
        assert np.isfinite(given).all()
        np.testing.assert_allclose(given, transformer.transform(new), rtol=1e-6)


def test_whole_numbers_of_64_bits_are_no_floats_of_32():
    x = np.array([[0], [2**30], [2**30 + 1], [2**31]])
    for transformer in (PiecewiseLinearEncoder(3), SmoothClip()):
        np.testing.assert_allclose(
            converted(transformer.fit(x), x), transformer.transform(x), rtol=1e-12
        )


COLOURS = np.array(["red", "red", "red", "blue", "blue", "green", "", "7", None], dtype=object)
KINDS = {
    "strings": np.stack([COLOURS[:-2], COLOURS[6::-1]], axis=1),
    "missing": COLOURS[[0, 1, 2, 3, 4, 5, 7, 8], np.newaxis],
    "whole": np.array([[-5, 0], [-5, 2**40], [0, 0], [0, 1], [7, 1]]),
    "floats": np.array([[0.1, 2], [0.1, 2], [3, 2.5], [np.nan, 1e9]]),
}
UNKNOWN = {
    "strings": [["pink", "red"], ["red", "pink"]],
    "missing": [["pink"], ["blue"]],
    "whole": [[1, 5], [2**40, -5]],
    "floats": [[0.2, 9.0], [np.nan, 1.0]],
}


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, drop="first"),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2, sparse_output=False),
        OneHotEncoder(
            handle_unknown="infrequent_if_exist", max_categories=2, drop="first", dtype=int
        ),
        OneHotEncoder(handle_unknown="ignore", drop="if_binary", min_frequency=2),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
        OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-2, encoded_missing_value=-1
        ),
        OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-2, encoded_missing_value=-1,
            min_frequency=2, dtype=int,
        ),
    ],
    ids=str,
)  # fmt: skip
def test_encoders_of_categories(encoder, kind):
    encoder.fit(KINDS[kind])
    samples = np.concatenate([KINDS[kind], np.array(UNKNOWN[kind], KINDS[kind].dtype)])
    expected = encoder.transform(samples)
    expected = expected.toarray() if hasattr(expected, "toarray") else expected
    if samples.dtype == object:
        samples = np.where(samples == None, "", samples)  # noqa: E711
    given = converted(encoder, samples)
    assert given.dtype.kind == expected.dtype.kind
    np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize(("dtype", "unknown"), [(float, np.nan), (int, -1)])
def test_an_unknown_category_that_is_an_error_in_python(dtype, unknown):
    encoder = OrdinalEncoder(dtype=dtype).fit([["a"], ["b"]])
    samples = np.array([["b"], ["c"], ["a"]], dtype=object)
    np.testing.assert_array_equal(converted(encoder, samples), [[1], [unknown], [0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "imputer",
    [
        SimpleImputer(),
        SimpleImputer(strategy="median", add_indicator=True),
        SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True),
        SimpleImputer(strategy="most_frequent", missing_values=3.0),
        MissingIndicator(),
        MissingIndicator(features="all"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_missing_numbers(imputer, dtype):
    X = SEEN.astype(dtype)
    if getattr(imputer, "missing_values", None) == 3:
        X = np.nan_to_num(X, nan=5)
    expected = imputer.fit(X).transform(X)
    given = converted(imputer, X)
    assert given.dtype == (np.float32 if isinstance(imputer, MissingIndicator) else dtype)
    np.testing.assert_allclose(given, expected, rtol=1e-6)


def test_whole_numbers_that_are_missing():
    X = np.array([[1], [-1], [4]])
    imputer = SimpleImputer(missing_values=-1).fit(X)
    np.testing.assert_array_equal(converted(imputer, X), imputer.transform(X))


def test_a_mark_of_missing_values_among_numbers():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": np.array([1, 2, 3], dtype=object)})
    imputer = SimpleImputer(missing_values="?", strategy="most_frequent")
    columns = ColumnTransformer([("filled", imputer, ["a"])])
    model = make_pipeline(columns, MLPScratchRegressor(max_iter=1)).fit(frame, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"missing_values='\?' of an imputer is no number"):
        to_onnx(model, frame)


def test_missing_strings():
    X = np.array([["a", "x"], ["a", np.nan], [np.nan, "y"]], dtype=object)
    for imputer in (
        SimpleImputer(strategy="most_frequent"),
        SimpleImputer(strategy="constant", fill_value="none"),
    ):
        expected = imputer.fit_transform(X)
        for stands_for_missing in ("", "nan", "None"):
            samples = np.array([["a", "x"], ["a", stands_for_missing], [stands_for_missing, "y"]])
            np.testing.assert_array_equal(converted(imputer, samples.astype(object)), expected)


def thirds(x):
    return x / 3


class TestFunctions:
    @pytest.mark.parametrize(
        "function", [f for f in FUNCTION_CONVERTERS if isinstance(f, np.ufunc)]
    )
    def test_of_numpy(self, function):
        x = np.array([[0.5, 2.0], [1.0, 3.0]])
        given = converted(FunctionTransformer(function).fit(x), x)
        np.testing.assert_allclose(given, function(x), rtol=1e-12)

    def test_of_nothing_and_of_dtypes(self):
        x = np.array([[0.1, 2.0]])
        np.testing.assert_array_equal(converted(FunctionTransformer().fit(x), x), x)
        to_32 = FunctionTransformer(np.asarray, kw_args={"dtype": np.float32}).fit(x)
        assert converted(to_32, x).dtype == np.float32

    def test_of_users(self, monkeypatch):
        x = np.array([[0.1, 2.0]])
        transformer = FunctionTransformer(thirds).fit(x)
        with pytest.raises(ValueError, match=r"the function thirds .*CONVERTERS\[thirds\] = "):
            converted(transformer, x)
        monkeypatch.setitem(FUNCTION_CONVERTERS, thirds, lambda x: x / 3)
        np.testing.assert_allclose(converted(transformer, x), x / 3)


class TestTargets:
    X = np.random.default_rng(0).normal(size=(30, 2))
    y = 1000 + 10 * np.exp(X[:, 0])

    def model(self, **params):
        network = MLPScratchRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0)
        return TransformedTargetRegressor(make_pipeline(StandardScaler(), network), **params)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize(
        "params",
        [
            {"transformer": StandardScaler()},
            {"transformer": MinMaxScaler()},
            {"func": np.log, "inverse_func": np.exp},
            {},
        ],
        ids=str,
    )
    def test_of_one_and_of_several_outputs(self, params, dtype):
        for y in (self.y, np.stack([self.y, 3 - 2 * self.y], axis=1)):
            if y.ndim == 2 and "func" in params:
                continue
            model = self.model(**params).fit(self.X, y)
            samples = self.X.astype(dtype)
            (given,) = run(to_onnx(model, samples), {"X": samples})
            assert given.dtype == dtype
            expected = model.predict(samples).reshape(30, -1)
            np.testing.assert_allclose(given, expected, rtol=1e-6)

    def test_without_a_converter(self):
        model = self.model(transformer=PowerTransformer(), check_inverse=False).fit(self.X, self.y)
        with pytest.raises(
            ValueError, match=r"inverse of PowerTransformer, which .* Use a Standard"
        ):
            to_onnx(model, self.X)


def columns(random, n=80):
    """Return the columns of a table, of all kinds of values."""
    gaps = random.normal(size=n)
    gaps[::5] = np.nan
    return {
        "age": random.normal(40, 10, size=n),
        "income": np.exp(random.normal(size=n)).astype(np.float32),
        "children": random.integers(0, 4, size=n),
        "member": random.random(n) > 0.5,
        "last visit": gaps,
        "city": random.choice(["Ulm", "Köln", "Bonn", "Rom"], p=[0.5, 0.3, 0.17, 0.03], size=n),
        "sex": random.choice(["f", "m"], size=n),
        "phone": random.choice(np.array(["old", "new", None], dtype=object), size=n),
    }


def table():
    """Return a ColumnTransformer for such a table: numbers, flags, gaps, categories."""
    encodings = FeatureUnion(
        [
            (
                "smooth",
                make_pipeline(
                    QuantileTransformer(n_quantiles=40, output_distribution="normal"),
                    SmoothClip(scaling=None),
                ),
            ),
            (
                "bins",
                make_pipeline(
                    PiecewiseLinearEncoder(strategy="tree"), StandardScaler(with_std=False)
                ),
            ),
        ]
    )
    zeros = SimpleImputer(strategy="constant", fill_value=0.0)
    flags = make_pipeline(MinMaxScaler((-1, 1), clip=True), zeros)
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    one_hot = OneHotEncoder(
        min_frequency=5, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    return ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(encodings, zeros),
                ["age", "income", "children", "last visit"],
            ),
            ("flags", flags, ["member"]),
            ("gaps", MissingIndicator(error_on_new=False), ["last visit"]),
            ("categories", one_hot, ["city", "phone"]),
            ("two", make_pipeline(codes, flags), ["sex"]),
        ],
        sparse_threshold=0,
    )


class TestDataFrames:
    """From the frame as it comes to labels and predictions."""

    data = columns(np.random.default_rng(0))
    y = (data["age"] + 10 * data["member"] + 5 * (data["city"] == "Ulm") > 48).astype(int)
    new = columns(np.random.default_rng(1))
    new["city"][:5], new["sex"][:3], new["age"][5:9] = "Oslo", "-", 200.0

    @pytest.fixture(params=["pandas", "polars"])
    def frame(self, request):
        return pytest.importorskip(request.param).DataFrame

    def inputs(self):
        """Return the new rows as a converted model takes them: numbers and strings by name."""
        inputs = {
            name.replace(" ", "_"): values[:, None].astype(
                object if values.dtype.kind in "OU" else np.float64
            )
            for name, values in self.new.items()
        }
        inputs["phone"][inputs["phone"] == None] = ""  # noqa: E711
        return inputs

    def test_of_a_classifier(self, frame):
        network = MLPScratchClassifier(8, "silu", max_iter=5, random_state=0)
        to_32 = FunctionTransformer(np.asarray, kw_args={"dtype": np.float32})
        labels = np.array(["no", "yes"])[self.y]
        model = make_pipeline(table(), to_32, network).fit(frame(self.data), labels)
        graph = to_onnx(model, frame(self.new))
        names = [entry.name for entry in graph.graph.input]
        assert names == [name.replace(" ", "_") for name in self.data]
        label, probabilities = run(graph, self.inputs())
        expected = model.predict_proba(frame(self.new))
        assert np.ptp(expected) > 0.1
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
        np.testing.assert_array_equal(label, model.predict(frame(self.new)))

    def test_of_a_regressor(self, frame):
        network = MLPScratchRegressor(hidden_layer_sizes=8, max_iter=5, random_state=0)
        target = TransformedTargetRegressor(network, transformer=StandardScaler())
        model = make_pipeline(table(), target).fit(frame(self.data), 1000.0 * self.data["age"])
        (given,) = run(to_onnx(model, frame(self.new)), self.inputs())
        expected = model.predict(frame(self.new))
        np.testing.assert_allclose(given[:, 0], expected, rtol=1e-5)

    def test_of_an_array_of_objects(self):
        """Its columns have no names, and become x0, x1 and so on."""
        data = np.stack([np.asarray(values, object) for values in self.data.values()], axis=1)
        model = tabular_classifier(n_networks=2, max_iter=2, random_state=0).fit(data, self.y)
        graph = to_onnx(model, data.tolist())
        assert [entry.name for entry in graph.graph.input] == [f"x{k}" for k in range(8)]

    def test_of_the_recipe(self, frame):
        labels = np.array(["no", "yes"])[self.y]
        classifier = tabular_classifier(n_networks=2, max_iter=2, random_state=0)
        to_onnx(classifier.fit(frame(self.data), labels), frame(self.new))
        # All numbers in float32, as the inputs then are
        to_32 = {
            name: values if values.dtype.kind in "OU" else values.astype(np.float32)
            for name, values in self.new.items()
        }
        graph = to_onnx(classifier.fit(frame(to_32), labels), frame(to_32)).graph
        float32, string = 1, 8
        assert {i.type.tensor_type.elem_type for i in graph.input} == {float32, string}
        regressor = tabular_regressor(n_networks=2, max_iter=2, random_state=0)
        to_onnx(regressor.fit(frame(self.data), 1000.0 * self.data["age"]), frame(self.new))

    def test_of_pandas_own_dtypes(self):
        pandas = pytest.importorskip("pandas")
        data = pandas.DataFrame(self.data)
        data["children"] = data["children"].astype("Int64")
        data.loc[3, "children"] = pandas.NA
        data["city"] = data["city"].astype("category")
        data["sex"] = data["sex"].astype("string")
        network = MLPScratchClassifier(8, max_iter=5, random_state=0)
        graph = to_onnx(make_pipeline(table(), network).fit(data, self.y), data)
        kinds = {entry.name: entry.type.tensor_type.elem_type for entry in graph.graph.input}
        float64, string = 11, 8
        assert kinds["children"] == float64
        assert kinds["city"] == kinds["sex"] == string

    def test_categories_that_are_numbers(self):
        pandas = pytest.importorskip("pandas")
        data = pandas.DataFrame({"a": pandas.Categorical([1, 2, 3] * 10), "b": [0.5, 1.5, 2] * 10})
        for columns in (["a"], ["b"]):
            encoder = ColumnTransformer([("one_hot", OneHotEncoder(), columns)])
            network = MLPScratchClassifier(4, max_iter=5, random_state=0)
            model = make_pipeline(encoder, network).fit(data, [0, 1, 1] * 10)
            inputs = {"a": data[["a"]].astype(str).to_numpy(object), "b": data[["b"]].to_numpy()}
            _, probabilities = run(to_onnx(model, data), inputs)
            np.testing.assert_allclose(probabilities, model.predict_proba(data), atol=1e-5)

    def test_dates(self):
        pandas = pytest.importorskip("pandas")
        data = pandas.DataFrame({"a": [1.0, 2, 3] * 10})
        encoder = ColumnTransformer([("scale", StandardScaler(), ["a"])])
        model = make_pipeline(encoder, MLPScratchClassifier(4, max_iter=5, random_state=0))
        model.fit(data, [0, 1, 1] * 10)
        data["when"] = pandas.to_datetime(["2020-01-01"] * 30)
        for kind in (data["when"].dtype, object):
            data["when"] = data["when"].astype(kind)
            with pytest.raises(ValueError, match=r"column 'when' holds date values\. Turn them in"):
                to_onnx(model, data)

    def test_numbers_alone_are_one_matrix(self):
        """Where no step asks for columns by name."""
        pandas = pytest.importorskip("pandas")
        data = pandas.DataFrame({name: self.data[name] for name in ("age", "income")})
        network = MLPScratchClassifier(4, max_iter=5, random_state=0)
        model = make_pipeline(StandardScaler(), network).fit(data, self.y)
        assert [entry.name for entry in to_onnx(model, data).graph.input] == ["X"]
