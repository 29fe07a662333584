"""What cannot be converted."""


class NotConvertibleError(ValueError):
    """A part of a model for which ONNX, skl2onnx or this package has no way, in words."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"This model cannot be converted to ONNX: {reason.rstrip('.')}.")
