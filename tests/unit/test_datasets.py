import dataclasses
import gzip
import hashlib
import io
import lzma
import os
import re
import struct
import tarfile
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from sklearn.utils import Bunch

from sknn_scratch import datasets
from sknn_scratch.datasets import DATASETS, load_cifar10, load_fashion_mnist, load_mnist

REAL_FOLDER = os.environ.get("SKNN_SCRATCH_DATA")
REAL_HOME = os.environ.get("SCIKIT_LEARN_DATA")

IDX_NAMES = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]
BATCH_NAMES = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
N_PER_BATCH = 3
ARCHIVES = {"xz": "cifar-10-binary.tar.xz", "gz": "cifar-10-binary.tar.gz"}


def idx_bytes(array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def write_idx_files(folder, *, n_train=12, n_test=10, seed=0):
    """Write four IDX files and return {"train": (images, labels), "t10k": ...}."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    splits = {}
    for prefix, n in {"train": n_train, "t10k": n_test}.items():
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, n, dtype=np.uint8)
        for kind, array in {"images-idx3": images, "labels-idx1": labels}.items():
            content = gzip.compress(idx_bytes(array))
            (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(content)
        splits[prefix] = images, labels
    return splits


def make_batches(seed=0):
    """Return pictures (18, 32, 32, 3), labels (18,) and the six files that hold them."""
    rng = np.random.default_rng(seed)
    n = N_PER_BATCH * len(BATCH_NAMES)
    pictures = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, n, dtype=np.uint8)
    records = [
        bytes([label]) + b"".join(picture[:, :, channel].tobytes() for channel in range(3))
        for picture, label in zip(pictures, labels, strict=True)
    ]
    contents = {
        name: b"".join(records[i * N_PER_BATCH : (i + 1) * N_PER_BATCH])
        for i, name in enumerate(BATCH_NAMES)
    }
    return pictures, labels, contents


def write_archive(path, contents):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, f"w:{path.suffix[1:]}") as tar:
        # The official archive holds other files too, and not in the order of the batches.
        for name, content in [("batches.meta.txt", b"airplane\n"), *reversed(contents.items())]:
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def write_cifar(folder, layout, contents):
    if layout in ARCHIVES:
        write_archive(folder / ARCHIVES[layout], contents)
        return
    (folder / "cifar-10-batches-bin").mkdir(parents=True)
    for name, content in contents.items():
        (folder / "cifar-10-batches-bin" / name).write_bytes(content)


def overwrite_in_place(path, content, *, mtime_ns=None):
    """Change the content, and keep the time of modification unless another is given."""
    mtime_ns = path.stat().st_mtime_ns if mtime_ns is None else mtime_ns
    path.write_bytes(content)
    os.utime(path, ns=(mtime_ns, mtime_ns))


def assert_same(left, right):
    for field in dataclasses.fields(left):
        np.testing.assert_array_equal(getattr(left, field.name), getattr(right, field.name))


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """Keep the tests off the user's data, the user's cache and the network."""

    def no_network(*args, **kwargs):
        pytest.fail(f"fetch_openml was called: {args}, {kwargs}")

    monkeypatch.delenv("SKNN_SCRATCH_DATA", raising=False)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "home"))
    monkeypatch.setattr(datasets, "fetch_openml", no_network)
    return tmp_path / "home" / "sknn_scratch"


@pytest.fixture
def root(tmp_path):
    """Folder with small versions of the three data sets."""
    write_idx_files(tmp_path / "data" / "mnist", seed=1)
    write_idx_files(tmp_path / "data" / "fashion-mnist", seed=2)
    write_cifar(tmp_path / "data" / "cifar-10", "xz", make_batches()[2])
    return tmp_path / "data"


@pytest.fixture
def archive(root):
    return root / "cifar-10" / ARCHIVES["xz"]


# The three data sets alike


@pytest.mark.parametrize("name", DATASETS)
def test_arrays_have_the_documented_form(root, name):
    data = DATASETS[name](root)
    n_pixels = np.prod(data.image_shape)
    for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test)):
        assert X.dtype == np.float32
        assert X.flags.c_contiguous
        assert X.flags.writeable
        assert X.shape == (len(y), n_pixels)
        # 0 and 255 occur among thousands of random pixels, and must map to the ends exactly.
        assert X.min() == 0
        assert X.max() == 1
        assert y.dtype == np.int64
        assert y.ndim == 1
        assert set(y.tolist()) <= set(range(10))
    assert len(set(data.class_names)) == 10
    assert isinstance(data.class_names, tuple)


def test_dataset_is_frozen(root):
    data = load_mnist(root)
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.X_train = data.X_test


@pytest.mark.parametrize("name", DATASETS)
def test_argument_variable_and_str_name_the_same_folder(root, name, monkeypatch):
    expected = DATASETS[name](root)
    assert_same(DATASETS[name](str(root)), expected)
    monkeypatch.setenv("SKNN_SCRATCH_DATA", str(root))
    assert_same(DATASETS[name](), expected)


def test_argument_wins_over_variable(root, tmp_path, monkeypatch):
    monkeypatch.setenv("SKNN_SCRATCH_DATA", str(tmp_path / "absent"))
    assert len(load_mnist(root).X_train) == 12


def test_tilde_is_the_home_folder(root, monkeypatch):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(root.parent))
    assert len(load_mnist("~/data").X_train) == 12


@pytest.mark.parametrize("by_variable", [False, True])
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "train-images-idx3-ubyte.gz"),
        ("fashion-mnist", "train-images-idx3-ubyte.gz"),
        ("cifar-10", "cifar-10-binary.tar.xz"),
    ],
)
def test_named_folder_without_the_files_is_an_error(tmp_path, name, file, by_variable, monkeypatch):
    if by_variable:
        monkeypatch.setenv("SKNN_SCRATCH_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=re.escape(file)) as error:
        DATASETS[name](None if by_variable else tmp_path)
    message = str(error.value)
    assert str(tmp_path / name) in message
    assert "SKNN_SCRATCH_DATA" in message
    assert "OpenML" in message


@pytest.mark.parametrize("name", DATASETS)
def test_loading_leaves_the_data_folder_alone(root, name):
    before = sorted(root.rglob("*"))
    DATASETS[name](root)
    assert sorted(root.rglob("*")) == before


# IDX files


@pytest.mark.parametrize("load", [load_mnist, load_fashion_mnist])
def test_idx_pixels_and_labels(tmp_path, load):
    name = {load_mnist: "mnist", load_fashion_mnist: "fashion-mnist"}[load]
    splits = write_idx_files(tmp_path / name)
    data = load(tmp_path)
    assert data.image_shape == (28, 28)
    for X, y, (images, labels) in (
        (data.X_train, data.y_train, splits["train"]),
        (data.X_test, data.y_test, splits["t10k"]),
    ):
        np.testing.assert_array_equal(np.rint(X.reshape(-1, 28, 28) * 255), images)
        np.testing.assert_array_equal(y, labels)


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("mark", [".", "-"])
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_files_under_their_other_names(tmp_path, name, mark, gzipped):
    """As they are unpacked, by hand or by the programs that put a period before idx."""
    write_idx_files(tmp_path / "original" / name)
    folder = tmp_path / "other" / name
    folder.mkdir(parents=True)
    for path in (tmp_path / "original" / name).iterdir():
        new_name = path.name.replace("-idx", f"{mark}idx").removesuffix("" if gzipped else ".gz")
        content = path.read_bytes()
        (folder / new_name).write_bytes(content if gzipped else gzip.decompress(content))
        # Some programs unpack each file into a folder of its own name
        if mark == ".":
            (folder / path.name.removesuffix(".gz")).mkdir()
    assert_same(DATASETS[name](tmp_path / "other"), DATASETS[name](tmp_path / "original"))


def test_gzipped_file_whose_name_does_not_say_so(root):
    expected = load_mnist(root)
    for path in sorted((root / "mnist").iterdir()):
        path.rename(path.with_suffix(""))
    assert_same(load_mnist(root), expected)


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: b"\0" + c, lambda c: b""])
def test_damaged_unpacked_file(tmp_path, damage):
    write_idx_files(tmp_path / "mnist")
    for path in sorted((tmp_path / "mnist").iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    path = tmp_path / "mnist" / "t10k-labels-idx1-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=re.escape(f"{path} is truncated or not the original")):
        load_mnist(tmp_path)


FOLDERS = {
    "nothing": ([], "there is no folder {0}/{1}; {0} is empty"),
    "others": (["other/x", "notes"], "there is no folder {0}/{1}; {0} holds notes, other"),
    "empty": (["{1}/"], "{0}/{1} is empty"),
    "python version": (["{1}/cifar-10-python.tar.gz"], "{0}/{1} holds cifar-10-python.tar.gz"),
    "many": (
        [f"{{1}}/{k:02}.png" for k in range(12)],
        "{0}/{1} holds 00.png, 01.png, 02.png, 03.png, 04.png, 05.png, 06.png, 07.png, 08.png, "
        "09.png and 2 more",
    ),
}


@pytest.mark.parametrize("case", FOLDERS)
@pytest.mark.parametrize("name", DATASETS)
def test_missing_files_are_told_with_what_is_there(tmp_path, name, case):
    files, message = FOLDERS[case]
    for file in files:
        path = tmp_path / file.format(None, name)
        folder = path if file.endswith("/") else path.parent
        folder.mkdir(exist_ok=True)
        if folder != path:
            path.touch()
    with pytest.raises(FileNotFoundError, match=re.escape(message.format(tmp_path, name))):
        DATASETS[name](tmp_path)


@pytest.mark.parametrize("file", IDX_NAMES)
def test_missing_idx_file(root, file):
    (root / "mnist" / file).unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(file)):
        load_mnist(root)


def flip_a_byte(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


PACKED_DAMAGES = {
    "empty": lambda packed: b"",
    "cut header": lambda packed: packed[:5],
    "cut": lambda packed: packed[:-9],
    "byte flipped": flip_a_byte,
    "no such block": lambda packed: packed[:10] + b"\xff" + packed[11:],
    "not gzip": gzip.decompress,
    "extra bytes": lambda packed: packed + b"more",
}


@pytest.mark.parametrize("damage", PACKED_DAMAGES.values(), ids=PACKED_DAMAGES)
@pytest.mark.parametrize("file", IDX_NAMES)
def test_damaged_gz_file(root, file, damage):
    path = root / "mnist" / file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=re.escape(f"{path} is truncated or not the original")):
        load_mnist(root)


IDX_DAMAGES = {
    "empty": lambda idx: b"",
    "half a header": lambda idx: idx[:6],
    "one byte short": lambda idx: idx[:-1],
    "one byte more": lambda idx: idx + b"\0",
    "signed bytes": lambda idx: idx[:2] + b"\x09" + idx[3:],
    "not an IDX": lambda idx: b"P" + idx[1:],
    "other count": lambda idx: idx[:7] + bytes([idx[7] + 1]) + idx[8:],
}


@pytest.mark.parametrize("damage", IDX_DAMAGES.values(), ids=IDX_DAMAGES)
@pytest.mark.parametrize("file", IDX_NAMES)
def test_damaged_idx_content(root, file, damage):
    path = root / "fashion-mnist" / file
    path.write_bytes(gzip.compress(damage(gzip.decompress(path.read_bytes()))))
    with pytest.raises(ValueError, match=re.escape(f"{path} is truncated or not the original")):
        load_fashion_mnist(root)


@pytest.mark.parametrize(
    ("file", "array", "reason"),
    [
        ("train-images-idx3-ubyte.gz", np.zeros(12, np.uint8), "should start with"),
        ("train-images-idx3-ubyte.gz", np.zeros((12, 14, 56), np.uint8), r"\(14, 56\)"),
        ("train-labels-idx1-ubyte.gz", np.zeros((12, 28, 28), np.uint8), "should start with"),
        ("train-labels-idx1-ubyte.gz", np.zeros(11, np.uint8), "11 labels for 12 images"),
        ("t10k-labels-idx1-ubyte.gz", np.full(10, 10, np.uint8), "found 10"),
    ],
)
def test_sound_idx_file_in_the_wrong_place(root, file, array, reason):
    path = root / "mnist" / file
    path.write_bytes(gzip.compress(idx_bytes(array)))
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}.*{reason}"):
        load_mnist(root)


# CIFAR-10


@pytest.mark.parametrize("layout", ["unpacked", "xz", "gz"])
def test_cifar_rows_are_pictures(tmp_path, layout):
    pictures, labels, contents = make_batches()
    write_cifar(tmp_path / "cifar-10", layout, contents)
    data = load_cifar10(tmp_path)
    assert data.image_shape == (32, 32, 3)
    rows = np.concatenate([data.X_train, data.X_test])
    np.testing.assert_array_equal(np.rint(rows.reshape(-1, 32, 32, 3) * 255), pictures)
    np.testing.assert_array_equal(np.concatenate([data.y_train, data.y_test]), labels)
    assert len(data.X_test) == N_PER_BATCH


@pytest.mark.parametrize("layout", ["unpacked", "xz", "gz"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda batch: b"",
        lambda batch: batch[:-1],
        lambda batch: batch[:3073] + b"\x0a" + batch[3074:],
    ],
    ids=["empty", "cut", "label 10"],
)
def test_damaged_cifar_batch(tmp_path, layout, damage):
    contents = make_batches()[2]
    contents["data_batch_4.bin"] = damage(contents["data_batch_4.bin"])
    write_cifar(tmp_path / "cifar-10", layout, contents)
    with pytest.raises(ValueError, match=r"cifar-10-b.*original file.*data_batch_4\.bin"):
        load_cifar10(tmp_path)


def test_cifar_batches_that_lie_in_the_folder_itself(tmp_path):
    contents = make_batches()[2]
    write_cifar(tmp_path / "original" / "cifar-10", "folder", contents)
    (tmp_path / "other" / "cifar-10" / "cifar-10-batches-bin").mkdir(parents=True)
    for name, content in contents.items():
        (tmp_path / "other" / "cifar-10" / name).write_bytes(content)
    assert_same(load_cifar10(tmp_path / "other"), load_cifar10(tmp_path / "original"))


def test_cifar_archive_that_is_not_compressed(tmp_path):
    contents = make_batches()[2]
    write_cifar(tmp_path / "original" / "cifar-10", "folder", contents)
    folder = tmp_path / "other" / "cifar-10"
    write_archive(folder / "cifar-10-binary.tar.gz", contents)
    packed = folder / "cifar-10-binary.tar.gz"
    (folder / "cifar-10-binary.tar").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    assert_same(load_cifar10(tmp_path / "other"), load_cifar10(tmp_path / "original"))


def test_missing_cifar_batch_in_folder(tmp_path):
    contents = make_batches()[2]
    del contents["test_batch.bin"]
    write_cifar(tmp_path / "cifar-10", "unpacked", contents)
    with pytest.raises(FileNotFoundError, match=r"test_batch\.bin"):
        load_cifar10(tmp_path)


@pytest.mark.parametrize("layout", ARCHIVES)
def test_missing_cifar_batch_in_archive(tmp_path, layout):
    contents = make_batches()[2]
    del contents["test_batch.bin"]
    write_cifar(tmp_path / "cifar-10", layout, contents)
    with pytest.raises(ValueError, match=rf"{re.escape(ARCHIVES[layout])}.*test_batch\.bin"):
        load_cifar10(tmp_path)


@pytest.mark.parametrize("layout", ARCHIVES)
@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: b"",
        lambda packed: b"This is not an archive. " * 100,
        lambda packed: packed[:5],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed[:-10],
        flip_a_byte,
        lambda packed: packed[:100] + b"\xff" * 400 + packed[500:],
    ],
    ids=["empty", "not an archive", "cut header", "cut", "end cut", "byte flipped", "overwritten"],
)
def test_damaged_cifar_archive(tmp_path, layout, damage, home):
    path = tmp_path / "cifar-10" / ARCHIVES[layout]
    write_archive(path, make_batches()[2])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=re.escape(f"{path} is truncated or not the original")):
        load_cifar10(tmp_path)
    assert not home.exists()


def test_xz_archive_in_two_streams(root, archive):
    expected = load_cifar10(root)
    tar = lzma.decompress(archive.read_bytes())
    # Parallel compressors write several streams, one after the other.
    archive.write_bytes(lzma.compress(tar[:9999]) + lzma.compress(tar[9999:]))
    assert_same(load_cifar10(root), expected)


# The cache of the archive. A test knows that the archive was not read when it is garbage by then.


def replace_by_garbage(archive):
    overwrite_in_place(archive, b"\0" * archive.stat().st_size)


def test_second_load_reads_the_cache(root, archive, home):
    first = load_cifar10(root)
    assert len(list(home.iterdir())) == 1  # in particular, no temporary file is left
    replace_by_garbage(archive)
    assert_same(load_cifar10(root), first)


@pytest.mark.parametrize("changed", ["size", "mtime"])
def test_cache_of_another_version_of_the_archive_is_not_used(root, archive, changed):
    load_cifar10(root)
    status = archive.stat()
    longer, later = changed == "size", changed == "mtime"
    overwrite_in_place(
        archive, b"\0" * (status.st_size + longer), mtime_ns=status.st_mtime_ns + later * 10**9
    )
    with pytest.raises(ValueError, match=re.escape(str(archive))):
        load_cifar10(root)


def test_cache_of_another_path_is_not_used(root, archive, tmp_path):
    load_cifar10(root)
    other = tmp_path / "other" / "cifar-10" / archive.name
    other.parent.mkdir(parents=True)
    other.write_bytes(archive.read_bytes())
    replace_by_garbage(other)
    os.utime(other, ns=(archive.stat().st_mtime_ns,) * 2)
    with pytest.raises(ValueError, match=re.escape(str(other))):
        load_cifar10(tmp_path / "other")


def test_changed_archive_replaces_the_cache(root, archive, home):
    load_cifar10(root)
    pictures, _, contents = make_batches(seed=5)
    later = archive.stat().st_mtime_ns + 10**9
    write_archive(archive, contents)
    os.utime(archive, ns=(later, later))
    second = load_cifar10(root)
    rows = np.concatenate([second.X_train, second.X_test])
    np.testing.assert_array_equal(np.rint(rows.reshape(pictures.shape) * 255), pictures)
    assert len(list(home.iterdir())) == 1
    replace_by_garbage(archive)
    assert_same(load_cifar10(root), second)


def as_npy(content):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def without_test(content):
    with np.load(io.BytesIO(content)) as cache:
        arrays = {name: cache[name] for name in ("stamp", "train")}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


CACHE_DAMAGES = {
    "empty": lambda content: b"",
    "garbage": lambda content: b"garbage" * 100,
    "cut": lambda content: content[: len(content) // 2],
    "byte flipped": flip_a_byte,
    "npy": as_npy,
    "array missing": without_test,
}


@pytest.mark.parametrize("damage", CACHE_DAMAGES.values(), ids=CACHE_DAMAGES)
def test_damaged_cache_is_rebuilt(root, archive, home, damage):
    first = load_cifar10(root)
    (cache,) = home.iterdir()
    cache.write_bytes(damage(cache.read_bytes()))
    assert_same(load_cifar10(root), first)
    replace_by_garbage(archive)
    assert_same(load_cifar10(root), first)


def test_cache_that_cannot_be_written_is_a_warning(root, tmp_path, monkeypatch):
    expected = load_cifar10(root)
    (tmp_path / "file").touch()
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "file" / "home"))
    with pytest.warns(UserWarning, match="could not be cached") as record:
        data = load_cifar10(root)
    assert record[0].filename == __file__
    assert_same(data, expected)


def test_failed_write_leaves_the_old_cache(root, archive, home, monkeypatch):
    load_cifar10(root)
    (cache,) = home.iterdir()
    before = cache.read_bytes()
    os.utime(archive, ns=(0, 0))

    def disk_full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", disk_full)
    with pytest.warns(UserWarning, match="No space left"):
        load_cifar10(root)
    assert list(home.iterdir()) == [cache]
    assert cache.read_bytes() == before


def test_unpacked_folder_needs_no_cache(tmp_path, home):
    write_cifar(tmp_path / "cifar-10", "unpacked", make_batches()[2])
    load_cifar10(tmp_path)
    assert not home.exists()


# OpenML. A few columns are enough; the number of rows is that of the official split.


def openml_stub(n_rows, n_columns):
    """Return a stand-in for fetch_openml whose rows can be told apart, and its calls."""
    numbers = np.arange(n_rows)[:, np.newaxis] * 7 + np.arange(n_columns)
    data = np.asfortranarray(numbers % 256)  # as it comes out of pandas
    target = np.array([str(i % 10) for i in range(n_rows)], dtype=object)
    calls = []

    def fetch(name, *, version, as_frame):
        calls.append((name, version, as_frame))
        return Bunch(data=data, target=target)

    return fetch, calls, data


@pytest.mark.parametrize(
    "error", [URLError("no route to host"), TimeoutError("timed out")], ids=str
)
@pytest.mark.parametrize("name", DATASETS)
def test_without_a_network(name, error, monkeypatch):
    def fetch(*args, **kwargs):
        raise error

    monkeypatch.setattr(datasets, "fetch_openml", fetch)
    message = (
        r"could not be fetched from OpenML: .*(no route|timed out).*`folder` .*SKNN_SCRATCH_DATA"
    )
    with pytest.raises(ConnectionError, match=message):
        DATASETS[name]()


@pytest.mark.parametrize("variable", [None, ""])
@pytest.mark.parametrize(
    ("load", "openml_name", "n_train"),
    [
        (load_mnist, "mnist_784", 60_000),
        (load_fashion_mnist, "Fashion-MNIST", 60_000),
        (load_cifar10, "CIFAR_10", 50_000),
    ],
)
def test_openml_without_a_named_folder(load, openml_name, n_train, variable, monkeypatch):
    if variable is not None:
        monkeypatch.setenv("SKNN_SCRATCH_DATA", variable)
    fetch, calls, pixels = openml_stub(n_train + 10_000, 12)
    monkeypatch.setattr(datasets, "fetch_openml", fetch)
    data = load()
    assert calls == [(openml_name, 1, False)]
    if load is load_cifar10:  # four pixels: R R R R G G G G B B B B to RGB RGB RGB RGB
        pixels = pixels[:, [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]]
    for X, y, start in ((data.X_train, data.y_train, 0), (data.X_test, data.y_test, n_train)):
        np.testing.assert_array_equal(np.rint(X * 255), pixels[start : start + len(X)])
        np.testing.assert_array_equal(y, np.arange(start, start + len(X)) % 10)
        assert X.dtype == np.float32
        assert X.flags.c_contiguous
        assert y.dtype == np.int64
    assert (len(data.X_train), len(data.X_test)) == (n_train, 10_000)


# The real data


@pytest.fixture
def real(home, monkeypatch):
    """Return a function that names the user's folder, or skips when the data are not there."""
    if REAL_FOLDER:
        monkeypatch.setenv("SKNN_SCRATCH_DATA", REAL_FOLDER)
    if REAL_HOME:
        monkeypatch.setenv("SCIKIT_LEARN_DATA", REAL_HOME)
    else:
        monkeypatch.delenv("SCIKIT_LEARN_DATA")

    def folder(name):
        if not REAL_FOLDER:
            pytest.skip("needs the real data: set SKNN_SCRATCH_DATA to their folder")
        path = Path(REAL_FOLDER).expanduser() / name
        if not path.is_dir():
            pytest.skip(f"the folder in SKNN_SCRATCH_DATA has no sub-folder {name}")
        return path

    return folder


def assert_counts(data, train, test):
    np.testing.assert_array_equal(np.bincount(data.y_train), train)
    np.testing.assert_array_equal(np.bincount(data.y_test), test)
    for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test)):
        assert X.shape == (len(y), np.prod(data.image_shape))
        assert X.min() == 0
        assert X.max() == 1


@pytest.mark.slow
def test_real_mnist(real):
    real("mnist")
    assert_counts(
        load_mnist(),
        train=[5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        test=[980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    )


@pytest.mark.slow
def test_real_fashion_mnist(real):
    real("fashion-mnist")
    assert_counts(load_fashion_mnist(), train=[6000] * 10, test=[1000] * 10)


@pytest.mark.slow
def test_real_cifar10(real):
    folder = real("cifar-10")
    archives = [folder / name for name in ARCHIVES.values() if (folder / name).is_file()]
    unpacked = (folder / "cifar-10-batches-bin").is_dir()
    if not unpacked and not any(datasets._cache_path(path).is_file() for path in archives):
        pytest.skip("unpacking CIFAR-10 takes too long here: call load_cifar10() once to cache it")
    data = load_cifar10()
    assert_counts(data, train=[5000] * 10, test=[1000] * 10)
    # Neighbours in a picture resemble each other, across and down, channel by channel: they
    # correlate by 0.92 here, and by 0.84 at most when planes are taken for image order.
    pictures = data.X_test[:1000].reshape(-1, *data.image_shape)
    for left, right in (
        (pictures[:, :, :-1], pictures[:, :, 1:]),
        (pictures[:, :-1], pictures[:, 1:]),
    ):
        assert np.corrcoef(left.ravel(), right.ravel())[0, 1] > 0.9


MD5 = {
    "mnist": [
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ],
    "fashion-mnist": [
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ],
}


@pytest.mark.parametrize("name", MD5)
def test_real_files_are_those_published(real, name):
    folder = real(name)
    digests = [
        hashlib.md5((folder / file).read_bytes(), usedforsecurity=False).hexdigest()
        for file in IDX_NAMES
    ]
    assert digests == MD5[name]
