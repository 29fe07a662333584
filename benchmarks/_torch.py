"""The same training written for torch as its users do, with its fused optimisers."""

import numpy as np
import torch
from torch import nn

from benchmarks._training import Trained, estimator_parameters
from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.initializers import INITIALIZERS, draw_parameters
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.estimators.build import initial_gains


def prepare(job):
    """Return the call that does the training."""
    first = first_parameters(job)

    def run():
        return train(job, first)

    return run


def first_parameters(job):
    """Return the parameters that the estimators draw with the seed of the job."""
    model = MLPScratchClassifier(**estimator_parameters(job))
    params = Parameters.empty(job.units, job.X.dtype)
    generator = np.random.RandomState(job.seed)
    draw_parameters(params, INITIALIZERS[model.init], initial_gains(model), generator)
    return params


def train(job, first):
    """Train from numpy arrays to numpy arrays; the loss is summed up, as by the estimators."""
    torch.manual_seed(job.seed)
    X, y = torch.from_numpy(job.X), torch.from_numpy(job.y)
    loss_function = nn.CrossEntropyLoss()
    if job.n_classes == 2:
        y = y.to(X.dtype)[:, None]
        loss_function = nn.BCEWithLogitsLoss()
    model = build(first.weights, first.biases)
    optimizer = build_optimizer(job, model)
    for _ in range(job.epochs):
        total = 0.0
        for X_batch, y_batch in batches(X, y, job):
            optimizer.zero_grad()
            loss = loss_function(model(X_batch), y_batch)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(X_batch)
    linear = model[::2]
    weights = [layer.weight.detach().numpy().T for layer in linear]
    return Trained(weights, [layer.bias.detach().numpy() for layer in linear], total / len(X))


def batches(X, y, job):
    """Yield the batches of an epoch; as for the estimators, nothing is moved for a full batch."""
    if job.batch_size >= len(X):
        yield X, y
        return
    order = torch.randperm(len(X)) if job.shuffle else None
    for start in range(0, len(X), job.batch_size):
        rows = slice(start, start + job.batch_size)
        rows = rows if order is None else order[rows]
        yield X[rows], y[rows]


def build(weights, biases):
    """Return the network with copies of the given weights (n_in, n_out) and biases."""
    layers = []
    for W, b in zip(weights, biases, strict=True):
        # skip_init: what torch would draw is not wanted; it need not spend time on it
        layer = nn.utils.skip_init(nn.Linear, *W.shape, dtype=torch.from_numpy(W).dtype)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(W.T))
            layer.bias.copy_(torch.from_numpy(b))
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def build_optimizer(job, model):
    """Return the optimiser with scikit-learn's penalty: alpha / B times the weights, no biases."""
    linear = model[::2]
    groups = [
        {"params": [layer.weight for layer in linear], "weight_decay": job.alpha / job.batch_size},
        {"params": [layer.bias for layer in linear]},
    ]
    if job.solver == "adam":
        return torch.optim.Adam(groups, job.learning_rate, eps=job.epsilon, fused=True)
    return torch.optim.SGD(groups, job.learning_rate, momentum=0.9, nesterov=True, fused=True)


def prepare_predict_proba(coefs, intercepts, X):
    """Return the call that gives the probabilities of several classes, numpy to numpy."""
    model = build(coefs, intercepts)

    def predict_proba():
        with torch.inference_mode():
            return torch.softmax(model(torch.from_numpy(X)), dim=1).numpy()

    return predict_proba
