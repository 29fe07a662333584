"""Pairs of an activation and a loss: enough of them, instead of all."""

from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.losses import LOSSES

# In a gradient each of the two is a factor by itself. Each activation meets a third of the losses,
# and each loss a third of the activations.
PAIRS = [
    (activation, loss)
    for i, activation in enumerate(ACTIVATIONS)
    for j, loss in enumerate(LOSSES)
    if (i + j) % 3 == 0
]
