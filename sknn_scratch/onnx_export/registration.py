"""What skl2onnx is told to convert by the functions of this package."""

from sklearn.base import ClassifierMixin

from sknn_scratch._optional import optional
from sknn_scratch.ensemble.bagging import MLPBaggingClassifier, MLPBaggingRegressor
from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.estimators.classifier import MLPScratchClassifier
from sknn_scratch.estimators.regressor import MLPScratchRegressor
from sknn_scratch.onnx_export.container import alias
from sknn_scratch.onnx_export.network_converters import (
    CLASSIFIER_OPTIONS,
    convert_classifier,
    convert_regressor,
    shapes_of_classifier,
    shapes_of_regressor,
)
from sknn_scratch.onnx_export.transformer_converters import TRANSFORMERS, parse_table
from sknn_scratch.tabular.table import TableTransformer


def register_converters(*derived: type) -> None:
    """Let skl2onnx convert the estimators of this package, wherever they are in a model.

    Call it once in a program before ``skl2onnx.to_onnx`` or ``skl2onnx.convert_sklearn``.
    :func:`~sknn_scratch.model_files.to_onnx` calls it itself. It also takes the place of skl2onnx's
    converters of `FunctionTransformer`, `OneHotEncoder`, `OrdinalEncoder`, `QuantileTransformer`
    and `SimpleImputer`, which lack a part, and adds `MissingIndicator` and
    `TransformedTargetRegressor`, which are missing there.

    Parameters
    ----------
    *derived : classes
        Classes of your own that are derived from `MLPScratchClassifier` or `MLPScratchRegressor`
        and predict in the same way. skl2onnx goes by the class itself, not by its bases.

    Raises
    ------
    TypeError
        If one of the classes is not derived from these.
    ImportError
        If skl2onnx is not installed.
    """
    for cls in derived:
        if not (isinstance(cls, type) and issubclass(cls, BaseMLPScratch)):
            raise TypeError(
                "derived must be classes derived from MLPScratchClassifier or MLPScratchRegressor, "
                f"got {cls!r}."
            )
    for cls in (
        MLPScratchClassifier,
        MLPScratchRegressor,
        MLPBaggingClassifier,
        MLPBaggingRegressor,
        *derived,
    ):
        if issubclass(cls, ClassifierMixin):
            _register(cls, shapes_of_classifier, convert_classifier, options=CLASSIFIER_OPTIONS)
        else:
            _register(cls, shapes_of_regressor, convert_regressor)
    for cls, own in TRANSFORMERS.items():
        _register(cls, own.set_shape, own.convert, parser=own.parse)
    optional("skl2onnx").update_registered_parser(TableTransformer, parse_table)


def _register(cls, shapes, convert, **others):
    optional("skl2onnx").update_registered_converter(
        cls, alias(cls), shapes, convert, overwrite=True, **others
    )
