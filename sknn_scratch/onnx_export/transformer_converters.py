"""Transformers within the models of skl2onnx: those of this package, and some of scikit-learn's."""

from collections.abc import Callable
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
)

from sknn_scratch.onnx_export.categories import one_hot, ordinal
from sknn_scratch.onnx_export.columnwise import of_function, target
from sknn_scratch.onnx_export.container import (
    ContainerGraph,
    alias,
    columns,
    dtype_of,
    matrix,
    parsed,
    type_of,
    value_of,
)
from sknn_scratch.onnx_export.graph import PlainGraph, Value
from sknn_scratch.onnx_export.missing import imputed, indicated
from sknn_scratch.onnx_export.quantiles import quantile_transformed
from sknn_scratch.onnx_export.tables import piecewise_linear, smooth_clip
from sknn_scratch.tabular.piecewise_linear import PiecewiseLinearEncoder
from sknn_scratch.tabular.smooth_clip import SmoothClip


class Transformer(NamedTuple):
    """How a class of transformers computes: from one matrix, or from its columns one by one."""

    compute: Callable[[Any, Any], Value]
    by_column: bool = False


TRANSFORMERS = {
    PiecewiseLinearEncoder: Transformer(piecewise_linear),
    SmoothClip: Transformer(smooth_clip),
    FunctionTransformer: Transformer(of_function),
    MissingIndicator: Transformer(indicated),
    OneHotEncoder: Transformer(one_hot, by_column=True),
    OrdinalEncoder: Transformer(ordinal, by_column=True),
    QuantileTransformer: Transformer(quantile_transformed),
    SimpleImputer: Transformer(imputed),
}


def parse_transformer(
    transformer: Transformer, scope: Any, model: Any, inputs: list, custom_parsers: Any = None
) -> list:
    """Declare the output of a transformer with its right type.

    skl2onnx guesses it from the input, and its scalers go on with that guess.
    """
    operator = scope.declare_local_operator(alias(type(model)), model)
    operator.inputs = inputs
    operator.outputs.append(scope.declare_local_variable("variable", inputs[0].type))
    shapes_of_transformer(transformer, operator)
    return operator.outputs


def shapes_of_transformer(transformer: Transformer, operator: Any) -> None:
    """Tell the type of the output, by a graph that is thrown away."""
    value = _transformed(transformer, operator, PlainGraph())
    shape = [operator.inputs[0].get_first_dimension(), _n_outputs(operator)]
    operator.outputs[0].set_type(type_of(value.dtype)(shape))


def convert_transformer(
    transformer: Transformer, scope: Any, operator: Any, container: Any
) -> None:
    """Add the nodes of a transformer."""
    graph = ContainerGraph(scope, container)
    value = _transformed(transformer, operator, graph)
    graph.name_output(value, operator.outputs[0].full_name)


def _transformed(transformer, operator, graph):
    model, inputs = operator.raw_operator, operator.inputs
    if transformer.by_column:
        return transformer.compute(model, columns(graph, inputs, model.n_features_in_))
    kind = np.result_type(*map(dtype_of, inputs))
    return transformer.compute(model, matrix(graph, inputs, kind))


def _n_outputs(operator):
    model = operator.raw_operator
    if not isinstance(model, FunctionTransformer):
        return len(model.get_feature_names_out())
    widths = [variable.get_second_dimension() for variable in operator.inputs]
    return None if None in widths else sum(widths)


def parse_table(
    scope: Any, model: ColumnTransformer, inputs: list, custom_parsers: Any = None
) -> list:
    """Let skl2onnx convert it as a ColumnTransformer, for which it looks by the class itself."""
    plain = copy(model)
    plain.__class__ = ColumnTransformer
    return parsed(scope, plain, inputs)


def parse_target(
    scope: Any, model: TransformedTargetRegressor, inputs: list, custom_parsers: Any = None
) -> list:
    """Let skl2onnx convert the regressor within, and transform what it predicts."""
    predictions = parsed(scope, model.regressor_, inputs)
    operator = scope.declare_local_operator(alias(type(model)), model)
    operator.inputs = predictions
    operator.outputs.append(scope.declare_local_variable("variable", predictions[0].type))
    return operator.outputs


def shapes_of_target(operator: Any) -> None:
    """Tell the type of the predictions."""
    operator.outputs[0].set_type(operator.inputs[0].type)


def convert_target(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes that undo the transformation of the target."""
    graph = ContainerGraph(scope, container)
    value = target(operator.raw_operator, value_of(graph, operator.inputs[0]))
    graph.name_output(value, operator.outputs[0].full_name)
