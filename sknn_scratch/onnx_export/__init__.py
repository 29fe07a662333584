"""Networks as models of ONNX, and what skl2onnx needs to convert pipelines with them."""

from sknn_scratch.onnx_export.activations import ACTIVATION_CONVERTERS
from sknn_scratch.onnx_export.columnwise import FUNCTION_CONVERTERS
from sknn_scratch.onnx_export.network import OUTPUT_CONVERTERS
from sknn_scratch.onnx_export.registration import register_converters
from sknn_scratch.onnx_export.standalone import network_to_onnx

__all__ = [
    "ACTIVATION_CONVERTERS",
    "FUNCTION_CONVERTERS",
    "OUTPUT_CONVERTERS",
    "network_to_onnx",
    "register_converters",
]
