"""Transformers that turn the numbers of a table into what a network learns well from."""

from sknn_scratch.tabular.piecewise_linear import PiecewiseLinearEncoder
from sknn_scratch.tabular.smooth_clip import SmoothClip

__all__ = ["PiecewiseLinearEncoder", "SmoothClip"]

# Model files name the public module, so that files within the folder can be arranged anew
for transformer in (PiecewiseLinearEncoder, SmoothClip):
    transformer.__module__ = "sknn_scratch.tabular"
del transformer
