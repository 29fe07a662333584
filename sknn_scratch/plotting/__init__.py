"""Displays in the style of scikit-learn's; they need matplotlib (``sknn-scratch[plot]``)."""

from sknn_scratch.plotting._gradient_check import GradientCheckDisplay

__all__ = ["GradientCheckDisplay"]
