"""Transformers within the models of skl2onnx: those of this package, and some of scikit-learn's."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

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
)
from sknn_scratch.onnx_export.graph import PlainGraph, Value
from sknn_scratch.onnx_export.missing import imputed, indicated
from sknn_scratch.onnx_export.quantiles import quantile_transformed
from sknn_scratch.onnx_export.tables import piecewise_linear, smooth_clip
from sknn_scratch.tabular.piecewise_linear import PiecewiseLinearEncoder
from sknn_scratch.tabular.smooth_clip import SmoothClip
from sknn_scratch.tabular.target import ScaledTargetRegressor


@dataclass(frozen=True)
class Transformer:
    """What skl2onnx asks for a class of transformers: a parser, a shape calculator, a converter.

    `compute` is called with the model and one matrix, or with its columns one by one.
    """

    compute: Callable[[Any, Any], Value]
    by_column: bool = False

    def parse(self, scope: Any, model: Any, inputs: list, custom_parsers: Any = None) -> list:
        """Declare the output of a transformer with its right type.

        skl2onnx guesses it from the input, and its scalers go on with that guess.
        """
        operator = scope.declare_local_operator(alias(type(model)), model)
        operator.inputs = inputs
        operator.outputs.append(scope.declare_local_variable("variable", inputs[0].type))
        self.set_shape(operator)
        return operator.outputs

    def set_shape(self, operator: Any) -> None:
        """Tell the type of the output, by a graph that is thrown away."""
        value = self._transformed(operator, PlainGraph())
        shape = [operator.inputs[0].get_first_dimension(), _n_outputs(operator)]
        operator.outputs[0].set_type(type_of(value.dtype)(shape))

    def convert(self, scope: Any, operator: Any, container: Any) -> None:
        """Add the nodes of a transformer."""
        graph = ContainerGraph(scope, container)
        graph.name_output(self._transformed(operator, graph), operator.outputs[0].full_name)

    def _transformed(self, operator, graph):
        model, inputs = operator.raw_operator, operator.inputs
        if self.by_column:
            return self.compute(model, columns(graph, inputs, model.n_features_in_))
        kind = np.result_type(*map(dtype_of, inputs))
        return self.compute(model, matrix(graph, inputs, kind))


class Target(Transformer):
    """What is computed from the predictions of the regressor within, which skl2onnx converts."""

    def parse(self, scope: Any, model: Any, inputs: list, custom_parsers: Any = None) -> list:
        """Declare the output of both."""
        return super().parse(scope, model, parsed(scope, model.regressor_, inputs))


TRANSFORMERS = {
    PiecewiseLinearEncoder: Transformer(piecewise_linear),
    SmoothClip: Transformer(smooth_clip),
    FunctionTransformer: Transformer(of_function),
    MissingIndicator: Transformer(indicated),
    OneHotEncoder: Transformer(one_hot, by_column=True),
    OrdinalEncoder: Transformer(ordinal, by_column=True),
    QuantileTransformer: Transformer(quantile_transformed),
    SimpleImputer: Transformer(imputed),
    TransformedTargetRegressor: Target(target),
    ScaledTargetRegressor: Target(target),
}


def _n_outputs(operator):
    model = operator.raw_operator
    if not isinstance(model, (FunctionTransformer, TransformedTargetRegressor)):
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
