"""MNIST, Fashion-MNIST and CIFAR-10, from a folder the user names or else from OpenML."""

import contextlib
import gzip
import hashlib
import math
import os
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from sklearn.datasets import fetch_openml, get_data_home

from sknn_scratch._files import replaced
from sknn_scratch._warnings import warn

__all__ = ["DATASETS", "ImageDataset", "load_cifar10", "load_fashion_mnist", "load_mnist"]

_FOLDER_VARIABLE = "SKNN_SCRATCH_DATA"
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_ERRORS = (gzip.BadGzipFile, EOFError, zlib.error)
_MNIST_SHAPE = (28, 28)
_CIFAR_SHAPE = (32, 32, 3)
_CIFAR_RECORD = 1 + math.prod(_CIFAR_SHAPE)  # a label byte, then the planes R, G, B
_CIFAR_BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
_CIFAR_ARCHIVES = ("cifar-10-binary.tar.xz", "cifar-10-binary.tar.gz", "cifar-10-binary.tar")
_N_LISTED = 10  # names of a folder in an error

_DIGIT_NAMES = tuple("0123456789")
_FASHION_NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
_CIFAR_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)

PathLike = str | os.PathLike[str]
Split = tuple[np.ndarray, np.ndarray]  # uint8 pixels (n, n_pixels), integer labels (n,)


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Labelled images, flattened to rows and split into train and test.

    Attributes
    ----------
    X_train, X_test : ndarray of shape (n, n_pixels), float32
        Intensities in [0, 1], C-contiguous; ``X_train[i].reshape(image_shape)`` is a picture.
    y_train, y_test : ndarray of shape (n,), int64
        Labels 0 to 9, indices into `class_names`.
    class_names : tuple of str
        The ten names of the classes.
    image_shape : tuple of int
        (rows, columns), or (rows, columns, 3) with the channels red, green, blue.
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]


def load_mnist(folder: PathLike | None = None) -> ImageDataset:
    """Load MNIST, 28 x 28 grey images of the ten handwritten digits.

    Parameters
    ----------
    folder : str or path-like, default=None
        Folder whose sub-folder ``mnist`` holds the four original IDX files, gzipped
        (``train-images-idx3-ubyte.gz``) or not, and with a hyphen before ``idx`` or a period. None
        means the folder in the environment variable ``SKNN_SCRATCH_DATA``; if that is unset too,
        the data come from OpenML through `sklearn.datasets.fetch_openml`, which needs pandas.

    Returns
    -------
    ImageDataset
        60,000 training and 10,000 test images, the official split; `image_shape` is (28, 28).

    Raises
    ------
    FileNotFoundError
        If a folder is named and a file is missing there: nothing is downloaded silently.
    ValueError
        If a file is truncated or is not what its name says.
    ConnectionError
        If no folder is named and OpenML cannot be reached.

    References
    ----------
    .. [1] Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits",
       http://yann.lecun.com/exdb/mnist/; on OpenML: https://www.openml.org/d/554

    Examples
    --------
    >>> from sknn_scratch.datasets import load_mnist
    >>> load_mnist("my_data").X_train.shape  # doctest: +SKIP
    (60000, 784)
    """
    return _load_idx_dataset(folder, "mnist", "mnist_784", _DIGIT_NAMES)


def load_fashion_mnist(folder: PathLike | None = None) -> ImageDataset:
    """Load Fashion-MNIST, 28 x 28 grey images of ten kinds of clothing.

    Parameters
    ----------
    folder : str or path-like, default=None
        Folder whose sub-folder ``fashion-mnist`` holds the four original IDX files, under the
        names that `load_mnist` knows. None means the same as there.

    Returns
    -------
    ImageDataset
        60,000 training and 10,000 test images, the official split; `image_shape` is (28, 28).

    Raises
    ------
    FileNotFoundError, ValueError
        As in `load_mnist`.

    References
    ----------
    .. [1] H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for
       benchmarking machine learning algorithms", 2017, https://arxiv.org/abs/1708.07747;
       https://github.com/zalandoresearch/fashion-mnist; https://www.openml.org/d/40996

    Examples
    --------
    >>> from sknn_scratch.datasets import load_fashion_mnist
    >>> load_fashion_mnist("my_data").class_names[9]  # doctest: +SKIP
    'Ankle boot'
    """
    return _load_idx_dataset(folder, "fashion-mnist", "Fashion-MNIST", _FASHION_NAMES)


def load_cifar10(folder: PathLike | None = None) -> ImageDataset:
    """Load CIFAR-10, 32 x 32 colour images of ten kinds of animals and vehicles.

    Parameters
    ----------
    folder : str or path-like, default=None
        Folder whose sub-folder ``cifar-10`` holds the binary version, either unpacked (the six
        ``.bin`` files, there or in ``cifar-10-batches-bin``) or as ``cifar-10-binary.tar.xz``,
        ``.tar.gz`` or ``.tar``. None means the same as in `load_mnist`.

    Returns
    -------
    ImageDataset
        50,000 training and 10,000 test images, the official split; `image_shape` is
        (32, 32, 3). The pixels are in image order (row, column, channel).

    Raises
    ------
    FileNotFoundError, ValueError
        As in `load_mnist`.

    Notes
    -----
    Unpacking the archive takes seconds. Its content is therefore cached (about 180 MB) in the
    folder ``sknn_scratch`` of `sklearn.datasets.get_data_home`. The cache is renewed when the
    archive changes, and may be deleted at any time.

    References
    ----------
    .. [1] A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009,
       https://www.cs.toronto.edu/~kriz/cifar.html; on OpenML: https://www.openml.org/d/40927

    Examples
    --------
    >>> from sknn_scratch.datasets import load_cifar10
    >>> cifar = load_cifar10("my_data")  # doctest: +SKIP
    >>> cifar.X_train[0].reshape(cifar.image_shape).shape  # doctest: +SKIP
    (32, 32, 3)
    """
    root = _named_folder(folder)
    if root is None:
        train, test = _fetch_openml_splits("CIFAR_10", n_train=50_000)
    else:
        train, test = ((r[:, 1:], r[:, 0]) for r in _read_cifar_records(root / "cifar-10"))
    # Both sources keep the three planes of an image one after the other.
    train, test = ((_interleave_planes(X), y) for X, y in (train, test))
    return _to_dataset(train, test, _CIFAR_NAMES, _CIFAR_SHAPE)


DATASETS: dict[str, Callable[..., ImageDataset]] = {
    "mnist": load_mnist,
    "fashion-mnist": load_fashion_mnist,
    "cifar-10": load_cifar10,
}


def _named_folder(folder: PathLike | None) -> Path | None:
    """Return the folder of the argument, else of the environment variable, else None."""
    if folder is None:
        folder = os.environ.get(_FOLDER_VARIABLE) or None
    return None if folder is None else Path(folder).expanduser()


def _missing(path: Path, *other_names: str) -> FileNotFoundError:
    """Return the error for a file that the named folder does not hold, by any of its names."""
    names = " or ".join([path.name, *other_names])
    return FileNotFoundError(
        f"The folder {path.parent} does not hold {names}: {_content(path.parent)}. Put that file "
        "there, or name (by "
        f"the argument `folder` or the environment variable {_FOLDER_VARIABLE}) another folder "
        f"with the sub-folders {', '.join(DATASETS)}, or name none to get the data from OpenML."
    )


def _content(folder: Path) -> str:
    """Return what lies in a folder, in words."""
    if not folder.is_dir():
        above = f"; {_content(folder.parent)}" if folder.parent.is_dir() else ""
        return f"there is no folder {folder}{above}"
    names = sorted(path.name for path in folder.iterdir())
    more = f" and {len(names) - _N_LISTED} more" if len(names) > _N_LISTED else ""
    return f"{folder} holds {', '.join(names[:_N_LISTED])}{more}" if names else f"{folder} is empty"


def _invalid(path: Path, reason: object) -> ValueError:
    """Return the error for a file that is not what its name says."""
    return ValueError(
        f"{path} is truncated or not the original file: {reason}. Replace it by a fresh copy."
    )


def _read_bytes(path: Path) -> bytes:
    """Return the content of a file that has to be there."""
    if not path.is_file():
        raise _missing(path)
    return path.read_bytes()


def _fetch_openml_splits(name: str, n_train: int) -> tuple[Split, Split]:
    """Return the first `n_train` rows and the rest: OpenML keeps the official order."""
    try:
        bunch = fetch_openml(name, version=1, as_frame=False)
    except OSError as error:  # so are those of urllib
        raise ConnectionError(
            f"{name} could not be fetched from OpenML: {error}. Without a network, put the "
            "original files into a folder, and name it by the argument `folder` or the environment "
            f"variable {_FOLDER_VARIABLE}."
        ) from error
    X, y = bunch.data.astype(np.uint8), bunch.target.astype(np.int64)
    return (X[:n_train], y[:n_train]), (X[n_train:], y[n_train:])


def _to_dataset(
    train: Split, test: Split, class_names: tuple[str, ...], image_shape: tuple[int, ...]
) -> ImageDataset:
    """Scale the pixels from 0..255 to [0, 1]."""
    # order="C" because OpenML's rows come column by column out of pandas.
    X_train, X_test = (np.divide(X, 255, dtype=np.float32, order="C") for X, _ in (train, test))
    y_train, y_test = (y.astype(np.int64) for _, y in (train, test))
    return ImageDataset(X_train, y_train, X_test, y_test, class_names, image_shape)


def _load_idx_dataset(
    folder: PathLike | None, name: str, openml_name: str, class_names: tuple[str, ...]
) -> ImageDataset:
    """Load a data set published as four IDX files of 28 x 28 images."""
    root = _named_folder(folder)
    if root is None:
        train, test = _fetch_openml_splits(openml_name, n_train=60_000)
    else:
        train, test = (_read_idx_split(root / name, prefix) for prefix in ("train", "t10k"))
    return _to_dataset(train, test, class_names, _MNIST_SHAPE)


def _read_idx_split(folder: Path, prefix: str) -> Split:
    """Return the flattened images and the labels of one split."""
    images = _read_idx(_idx_file(folder, f"{prefix}-images", "idx3-ubyte"), _MNIST_SHAPE)
    path = _idx_file(folder, f"{prefix}-labels", "idx1-ubyte")
    labels = _read_idx(path, ())
    if len(labels) != len(images):
        raise _invalid(path, f"it holds {len(labels)} labels for {len(images)} images")
    if labels.max(initial=0) > 9:
        raise _invalid(path, f"labels are 0 to 9, found {labels.max()}")
    return images.reshape(len(images), math.prod(_MNIST_SHAPE)), labels


def _idx_file(folder: Path, stem: str, kind: str) -> Path:
    """Return the path of an IDX file, under whichever of its usual names it is there."""
    names = [f"{stem}{mark}{kind}{suffix}" for mark in "-." for suffix in (".gz", "")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise _missing(folder / names[0], *names[1:])


def _read_idx(path: Path, item_shape: tuple[int, ...]) -> np.ndarray:
    """Return the uint8 array (n, *item_shape) of an IDX file, gzipped or not, read-only."""
    content = path.read_bytes()
    if path.suffix == ".gz" or content.startswith(_GZIP_MAGIC):
        try:
            content = gzip.decompress(content)
        except _GZIP_ERRORS as error:
            raise _invalid(path, error) from error
    n_dims = 1 + len(item_shape)
    magic, header = bytes([0, 0, 8, n_dims]), 4 + 4 * n_dims  # 8 means unsigned bytes
    if content[:4] != magic or len(content) < header:
        raise _invalid(path, f"it should start with {magic!r}, it starts with {content[:4]!r}")
    shape = tuple(np.frombuffer(content[4:header], dtype=">u4").tolist())
    if shape[1:] != item_shape:
        raise _invalid(path, f"its items should have shape {item_shape}, not {shape[1:]}")
    if len(content) - header != math.prod(shape):
        raise _invalid(path, f"{len(content) - header} bytes follow the header for {shape}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _interleave_planes(planes: np.ndarray) -> np.ndarray:
    """Return a copy of the rows in image order, (row, column, RGB) for (RGB, row, column)."""
    n, n_pixels = planes.shape
    return planes.reshape(n, 3, n_pixels // 3).transpose(0, 2, 1).reshape(n, n_pixels)


def _read_cifar_records(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the train and the test records (n, 3073) from the first layout that is there."""
    for unpacked in (folder / "cifar-10-batches-bin", folder):
        if any((unpacked / name).is_file() for name in _CIFAR_BATCHES):
            contents = {name: _read_bytes(unpacked / name) for name in _CIFAR_BATCHES}
            return _parse_batches(unpacked, contents)
    for name in _CIFAR_ARCHIVES:
        if (folder / name).is_file():
            return _read_archive(folder / name)
    raise _missing(folder / _CIFAR_ARCHIVES[0], *_CIFAR_ARCHIVES[1:], "cifar-10-batches-bin")


def _parse_batches(source: Path, contents: dict[str, bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return the records of the five training batches and of the test batch."""
    for name in _CIFAR_BATCHES:
        content = contents.get(name, b"")
        if not content or len(content) % _CIFAR_RECORD:
            reason = f"{len(content)} bytes in {name}, expected a multiple of {_CIFAR_RECORD}"
            raise _invalid(source, reason)
        if max(content[::_CIFAR_RECORD]) > 9:
            raise _invalid(source, f"a record of {name} does not start with a label 0 to 9")
    batches = (np.frombuffer(contents[name], dtype=np.uint8) for name in _CIFAR_BATCHES)
    *train, test = (batch.reshape(-1, _CIFAR_RECORD) for batch in batches)
    return np.concatenate(train), test


def _read_archive(archive: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the records of the archive, from the cache if that is sound and up to date."""
    stamp = np.array([archive.stat().st_size, archive.stat().st_mtime_ns])
    with (
        # Whatever ails the cache (absent, damaged, unreadable), the archive has all of it.
        contextlib.suppress(Exception),
        # Opened here because np.load, given a path, does not close a damaged file.
        open(_cache_path(archive), "rb") as file,
        np.load(file) as cache,
    ):
        if np.array_equal(cache["stamp"], stamp):
            return cache["train"], cache["test"]
    train, test = _parse_batches(archive, _unpack(archive))
    _write_cache(archive, stamp, train, test)
    return train, test


def _unpack(archive: Path) -> dict[str, bytes]:
    """Return the content of the batches by name."""
    import lzma  # not above: some builds of Python lack it, and nothing else here needs it

    contents = {}
    try:
        with tarfile.open(archive) as tar:
            # In the order of the archive: to step back is to decompress from the start again.
            for member in tar:
                name = PurePosixPath(member.name).name
                if name in _CIFAR_BATCHES and (file := tar.extractfile(member)):
                    contents[name] = file.read()
            tar.fileobj.read(-1)  # to the end, where gzip keeps its checksum
    except (tarfile.TarError, lzma.LZMAError, *_GZIP_ERRORS) as error:
        raise _invalid(archive, error) from error
    return contents


def _cache_path(archive: Path) -> Path:
    """Return the file for this archive's records: one per path, so that none pile up."""
    digest = hashlib.sha256(os.fsencode(archive.resolve())).hexdigest()[:16]
    return Path(get_data_home()) / "sknn_scratch" / f"cifar-10-records-{digest}.npz"


def _write_cache(archive: Path, stamp: np.ndarray, train: np.ndarray, test: np.ndarray) -> None:
    """Write the cache in one step, so that another process never sees half of it."""
    try:
        path = _cache_path(archive)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as file:
            np.savez(file, stamp=stamp, train=train, test=test)
    except OSError as error:
        warn(
            f"CIFAR-10 was read but could not be cached ({error}). The next load will take as "
            "long. Set the environment variable SCIKIT_LEARN_DATA to a folder you may write to.",
        )
