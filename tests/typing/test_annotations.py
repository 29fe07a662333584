"""What a caller calls says its types."""

import inspect

import pytest

from ..public_names import public_modules

MODULES = public_modules()


def methods(cls):
    """Yield the public methods of a class that are the package's own, by name."""
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        method = getattr(method, "fget", method)  # a property's
        method = inspect.unwrap(getattr(method, "__func__", method))
        public = name in {"__init__", "__call__"} or not name.startswith("_")
        if public and getattr(method, "__module__", "").startswith("sknn_scratch"):
            yield name, method


def public_functions(module):
    for name in module.__all__:
        found = getattr(module, name)
        if inspect.isclass(found):
            yield from ((f"{name}.{m}", method) for m, method in methods(found))
        elif inspect.isfunction(found):
            yield name, found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_public_functions_are_annotated(module):
    functions = dict(public_functions(module))
    assert functions
    for function_name, function in functions.items():
        signature = inspect.signature(function)
        hints = [
            p.annotation for p in signature.parameters.values() if p.name not in {"self", "cls"}
        ]
        missing = inspect.Signature.empty in [*hints, signature.return_annotation]
        assert not missing, f"{module.__name__}.{function_name} lacks a type hint"
