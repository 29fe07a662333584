"""From a data frame to a network: transformers of the columns of a table, and whole pipelines."""

from sknn_scratch.tabular.kinds import ColumnsOfKind, read_categories, read_numbers
from sknn_scratch.tabular.piecewise_linear import PiecewiseLinearEncoder
from sknn_scratch.tabular.recipe import tabular_classifier, tabular_regressor
from sknn_scratch.tabular.smooth_clip import SmoothClip
from sknn_scratch.tabular.table import TableTransformer
from sknn_scratch.tabular.target import ScaledTargetRegressor

__all__ = [
    "ColumnsOfKind",
    "PiecewiseLinearEncoder",
    "ScaledTargetRegressor",
    "SmoothClip",
    "TableTransformer",
    "read_categories",
    "read_numbers",
    "tabular_classifier",
    "tabular_regressor",
]

for name in __all__:
    # Model files name the public module, so that files within the folder can be arranged anew
    globals()[name].__module__ = __name__
del name
