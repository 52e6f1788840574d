"""Parameters in files."""

from pathlib import Path

import numpy as np
import pytest

from cnnlite.compat.cs231n.classifiers.fc_net import FullyConnectedNet, TwoLayerNet

pytestmark = pytest.mark.usefixtures("course_seed")


@pytest.mark.parametrize("folder", ["", "cs231n/saved"])
def test_parameters_come_back(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path)
    one, other = (FullyConnectedNet([4], 6, 3, normalization="batchnorm") for _ in range(2))
    assert not other.load("best.npy")
    one.save("best.npy")
    assert (tmp_path / folder / "best.npy").exists()
    assert other.load("best.npy")
    for key, array in one.params.items():
        np.testing.assert_array_equal(other.params[key], array)
        assert other.params[key].dtype == array.dtype
    expected = ["best.npy not available.", "best.npy saved.", "best.npy loaded."]
    assert capsys.readouterr().out.splitlines() == expected


def test_what_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    TwoLayerNet(6, 4, 3).save("two.npy")
    np.save("array.npy", np.ones(3))
    model = FullyConnectedNet([4, 4], 6, 3)
    before = model.params
    with pytest.raises(ValueError, match=r"FullyConnectedNet.load: two.npy holds \['W1', 'W2',"):
        model.load("two.npy")
    with pytest.raises(ValueError, match=r"array.npy holds no parameters"):
        model.load("array.npy")
    assert model.params is before


def test_a_pickle_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("pickle.npy", {"W1": 1})
    with pytest.raises(ValueError, match="allow_pickle"):
        TwoLayerNet(6, 4, 3).load("pickle.npy")
