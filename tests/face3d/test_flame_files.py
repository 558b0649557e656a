import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from stccl.errors import StcclError
from stccl.face3d.flame import FLAME
from stccl.face3d.flame_files import read_albedo, read_landmarks, read_model
from stccl.face3d.unpickle import read_object_array, read_pickle
from tests.face3d.published import (
    landmark_arrays,
    model_arrays,
    pickled_with_chumpy,
    write_albedo,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "generic_model.pkl"


def pickled(path: Path, value: object, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(value, protocol))
    return path


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_arrays_come_out_as_they_went_in_without_chumpy(path, protocol):
    arrays = model_arrays(60, 90)
    path.write_bytes(pickled_with_chumpy(arrays, protocol))
    model = read_model(path, 100, 50)
    assert model.triangles.tolist() == arrays["f"].tolist()
    assert model.parents.tolist() == [-1, 0, 1, 1, 1]
    for found, name, part in (
        (model.template, "v_template", ...),
        (model.shape_directions, "shapedirs", np.s_[..., :100]),
        (model.expression_directions, "shapedirs", np.s_[..., 300:350]),
        (model.pose_directions, "posedirs", ...),
        (model.joint_regressor, "J_regressor", ...),
        (model.skinning_weights, "weights", ...),
    ):
        assert found.dtype == torch.float32
        np.testing.assert_array_equal(found, arrays[name][part].astype(np.float32))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "value",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.float32(1.5),
        np.array(3, ">i2"),
        np.array([True, False]),
        np.array(["a", "b"]),
        np.array([1, None], object),
        sparse.csr_matrix([[0.0, 2], [3, 0]]),
        sparse.csc_matrix([[0.0, 2], [3, 0]]),
    ],
)
def test_every_kind_of_array(path, value, protocol):
    found = np.asarray(read_pickle(pickled(path, value, protocol)))
    expected = value.toarray() if sparse.issparse(value) else np.asarray(value)
    assert found.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, expected)


def test_python_2_kept_the_bytes_of_arrays_as_text(path):
    # Opcodes by hand: Python 2's str (U), which Python 3 no longer writes.
    path.write_bytes(
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x10"
        + np.array([-1.1, 1e300]).tobytes()
        + b"tb."
    )
    np.testing.assert_array_equal(read_pickle(path), [-1.1, 1e300])


def test_landmarks_with_tensors_inside(tmp_path):
    arrays = landmark_arrays(90)
    arrays["dynamic_lmk_faces_idx"] = arrays["dynamic_lmk_faces_idx"].T.contiguous().T
    np.save(tmp_path / "l.npy", np.array(arrays, dtype=object))
    found = read_landmarks(tmp_path / "l.npy")
    for tensor, expected in zip(found, arrays.values(), strict=True):
        np.testing.assert_array_equal(tensor, np.asarray(expected, tensor.numpy().dtype))


class Runs:
    """Asks to have something called when it is unpickled."""

    def __init__(self, function, *arguments):
        self.asks = (function, arguments)

    def __reduce__(self):
        return self.asks


def ask(tmp_path):
    ran = tmp_path / "ran"
    return ran, [
        (Runs(__import__("os").system, f"touch {ran}"), r"posix\.system"),
        (Runs(eval, f"open({str(ran)!r}, 'w')"), r"(__builtin__|builtins)\.eval"),
        (Runs(open, str(ran), "w"), r"_?io\.open"),
        (Runs(torch.load, str(ran)), r"torch\.serialization\.load"),
        (Runs(np.load, str(ran), None, True), r"numpy\.load"),
        (Runs(getattr, np.ndarray, "tofile"), r"(__builtin__|builtins)\.getattr"),
        (Path("/"), r"pathlib\.\w+"),
    ]


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_what_would_run_is_refused_by_file_and_name(tmp_path, number, protocol):
    ran, asks = ask(tmp_path)
    value, name = asks[number]
    arrays = {**model_arrays(60, 90), "bs_type": value}
    path = pickled(tmp_path / "generic_model.pkl", arrays, protocol)
    with pytest.raises(
        StcclError,
        match=rf"^\S+generic_model\.pkl: refused, nothing was executed: it asks for {name},",
    ):
        read_model(path, 4, 3)
    np.save(tmp_path / "l.npy", np.array({"a": value}, dtype=object))
    with pytest.raises(StcclError, match=rf"^\S+l\.npy: refused, .* {name},"):
        read_landmarks(tmp_path / "l.npy")
    assert not ran.exists()


def test_a_name_cannot_write_lines_of_its_own(path):
    path.write_bytes(b"\x80\x04\x8c\x02os\x8c\x08a\nb\x1b[31m\x93.")
    with pytest.raises(StcclError, match=r"it asks for os\.a\\nb\\x1b\[31m, which") as caught:
        read_pickle(path)
    assert str(caught.value).isprintable()


def test_a_tensor_cannot_smuggle_another_pickle_in(tmp_path):
    ran, asks = ask(tmp_path)
    inner = tmp_path / "inner"
    torch.save(asks[0][0], inner, _use_new_zipfile_serialization=False)
    path = pickled(tmp_path / "m.pkl", Runs(torch.storage._load_from_bytes, inner.read_bytes()))
    with pytest.raises(StcclError, match=r"m\.pkl: .*asks for posix\.system.*nothing was executed"):
        read_pickle(path)
    assert not ran.exists()


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_a_tensor_cannot_reach_beyond_its_storage(tmp_path):
    inner = tmp_path / "inner"
    torch.save(torch.zeros(4).storage(), inner, _use_new_zipfile_serialization=False)
    storage = Runs(torch.storage._load_from_bytes, inner.read_bytes())
    tensor = Runs(torch._utils._rebuild_tensor_v2, storage, 0, (1000,), (1,), False, {})
    with pytest.raises(StcclError, match=r"m\.pkl: damaged .* out of bounds"):
        read_pickle(pickled(tmp_path / "m.pkl", tensor))


def test_a_sparse_matrix_cannot_reach_beyond_its_shape(path):
    arrays = model_arrays(60, 90)
    arrays["J_regressor"] = sparse.csc_matrix(arrays["J_regressor"])
    arrays["J_regressor"].indices[0] = 10**6
    with pytest.raises(StcclError, match="J_regressor: no array: ValueError"):
        read_model(pickled(path, arrays), 4, 3)


@pytest.mark.filterwarnings("error")
def test_half_written_files_are_one_line(tmp_path, flame_folder):
    for name, read in (
        ("generic_model.pkl", read_pickle),
        ("landmark_embedding.npy", read_object_array),
    ):
        whole = (flame_folder / name).read_bytes()
        for kept in (0, 1, 7, 60, 200, len(whole) // 3, len(whole) // 2, len(whole) - 1):
            (tmp_path / name).write_bytes(whole[:kept])
            with pytest.raises(StcclError, match=rf"{name}: .*get it again") as caught:
                read(tmp_path / name)
            assert "\n" not in str(caught.value)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damaged_files_end_in_one_line_or_in_numbers(tmp_path, flame_folder, data):
    name = data.draw(st.sampled_from(["generic_model.pkl", "landmark_embedding.npy"]))
    for each in ("generic_model.pkl", "landmark_embedding.npy"):
        (tmp_path / each).write_bytes((flame_folder / each).read_bytes())
    damaged = bytearray((flame_folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(damaged), 3000) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    (tmp_path / name).write_bytes(damaged)
    message = ""
    try:
        FLAME.from_folder(tmp_path, shapes=4, expressions=3)
    except StcclError as error:
        message = str(error)
    assert "\n" not in message


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(
        StcclError, match=r"generic_model\.pkl: cannot be read: No such file.*doctor"
    ):
        FLAME.from_folder(tmp_path)


def test_a_plain_array_is_no_embedding(tmp_path):
    np.save(tmp_path / "l.npy", np.zeros(3))
    with pytest.raises(StcclError, match="expected a pickled dictionary, got an array of float64"):
        read_landmarks(tmp_path / "l.npy")
    np.save(tmp_path / "l.npy", np.array([None]))
    with pytest.raises(StcclError, match="expected one pickled dictionary; get it again"):
        read_landmarks(tmp_path / "l.npy")


def test_everything_amiss_is_named_at_once(path):
    arrays = model_arrays(60, 90)
    del arrays["weights"]
    arrays["posedirs"] = arrays["posedirs"][:, :, :27]
    arrays["v_template"][0, 0] = np.nan
    arrays["f"] = arrays["f"].astype(float)
    arrays["J_regressor"] = arrays["J_regressor"][:, :59]
    with pytest.raises(
        StcclError,
        match=r"generic_model\.pkl: no FLAME model: "
        r"f: expected integer numbers, got float64; "
        r"v_template: not all numbers are finite in single precision; "
        r"posedirs: expected 60 × 3 × 36, got 60 × 3 × 27; "
        r"J_regressor: expected 5 × 60, got 5 × 59; "
        r"weights: missing; get it again",
    ):
        read_model(pickled(path, arrays), 4, 3)


def changed(name, value, where=...):
    arrays = model_arrays(60, 90)
    arrays[name][where] = value
    return arrays


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ([1, 2], "expected a dictionary of arrays, got list"),
        (changed("f", 60, (3, 1)), "f: vertex numbers: expected 0 to 59, got 0 to 60"),
        (
            changed("kintree_table", 3, (0, 2)),
            "parents before children: expected 0 to 1, got 3 to 3",
        ),
        (changed("shapedirs", 1e39, (3, 1, 2)), "shapedirs: not all numbers are finite"),
        (model_arrays(60, 90, directions=310), "4 shapes and 50 expressions need 350 directions"),
        (
            {**model_arrays(60, 90), "weights": "many"},
            "weights: expected floating numbers, got <U4",
        ),
    ],
)
def test_another_model_is_refused(path, held, message):
    with pytest.raises(StcclError, match=message):
        read_model(pickled(path, held), 4, 50)


def test_another_embedding_is_refused(tmp_path):
    arrays = landmark_arrays(90)
    arrays["full_lmk_faces_idx"] = arrays["full_lmk_faces_idx"][0]
    del arrays["static_lmk_bary_coords"]
    np.save(tmp_path / "l.npy", np.array(arrays, dtype=object))
    with pytest.raises(
        StcclError,
        match=r"l\.npy: no landmarks of FLAME: static_lmk_bary_coords: missing; "
        r"full_lmk_faces_idx: expected 1 × 68, got 68; get",
    ):
        read_landmarks(tmp_path / "l.npy")


def test_albedo_files(tmp_path):
    path = tmp_path / "FLAME_albedo_from_BFM.npz"
    with pytest.raises(StcclError, match=r"BFM\.npz: cannot be read: .*No such file"):
        read_albedo(path, 50)
    write_albedo(tmp_path, side=4)
    mean, directions = read_albedo(path, 50)
    assert mean.shape == (48,)
    assert directions.shape == (48, 50)
    whole = path.read_bytes()
    for kept in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(StcclError, match=r"BFM\.npz: cannot be read: .*get it again"):
            read_albedo(path, 50)
    np.savez(path, MU=np.zeros(47), PC=np.zeros((48, 199)))
    with pytest.raises(
        StcclError, match="MU: expected side · side · 3 numbers, got 47; PC: expected"
    ):
        read_albedo(path, 50)
    np.savez(path, mean=np.zeros(48))
    with pytest.raises(StcclError, match="MU: missing; PC: missing"):
        read_albedo(path, 50)
    np.savez(path, MU=np.array({}), PC=np.zeros(3))
    with pytest.raises(StcclError, match="cannot be read: Object arrays cannot be loaded"):
        read_albedo(path, 50)
