"""The model that Triton mounts, run here with a stand-in for Triton's module: the same scores as the local ranker."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

import inference
from inference.learning.weights_file import Weights, initial_weights, write_weights
from inference.local_ranker import LocalRanker
from inference.ports import Split

COLUMNS = ("covisit", "age", "popular_1d")
MODEL = Path(inference.__file__).parent / "model_repository" / "ranker" / "1" / "model.py"


def drawn(version: int) -> Weights:
    rng = np.random.default_rng(version)
    start = initial_weights(COLUMNS)
    arrays = {name: rng.standard_normal(part.shape).astype(np.float32) for name, part in start.arrays.items()}
    return replace(start, version=version, arrays=arrays)


def _triton() -> ModuleType:
    """As much of `triton_python_backend_utils` as the model uses."""
    module: Any = ModuleType("triton_python_backend_utils")
    module.Tensor = lambda name, array: SimpleNamespace(name=name, as_numpy=lambda: array)
    module.TritonError = lambda message: SimpleNamespace(message=message)
    module.InferenceResponse = lambda tensors=(), error=None: SimpleNamespace(
        outputs={tensor.name: tensor.as_numpy() for tensor in tensors}, error=error
    )
    module.get_input_tensor_by_name = lambda request, name: (
        SimpleNamespace(as_numpy=lambda: request[name]) if name in request else None
    )
    return module  # type: ignore[no-any-return]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "ranker"


@pytest.fixture
def model(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    repository.mkdir()
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", _triton())
    served = runpy.run_path(str(MODEL))["TritonPythonModel"]()
    served.initialize({"model_repository": str(repository), "model_instance_kind": "CPU"})
    return served


def split(**more: Any) -> dict[str, np.ndarray]:
    """A request in which the second user is in an arm; with `EXAMS`, rows that all variants score."""
    inputs = {"LINEAGES": np.array([b"", b"bold", b"gone"], np.object_), "OWN": np.array([0, 1], np.int32)}
    return request() | inputs | more


def split_of(inputs: dict[str, np.ndarray]) -> Split:
    return Split(
        variants=tuple(name.decode() for name in inputs["LINEAGES"]),
        own=inputs["OWN"],
        prequential_queries=inputs.get("EXAMS", np.zeros(0, np.int32)),
    )


def request(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    mask = rng.random((2, 9)) < 0.8
    return {"FEATURES": rng.standard_normal((2, 9, len(COLUMNS))).astype(np.float32), "MASK": mask}


def test_it_scores_as_the_local_ranker_does(model: Any, repository: Path) -> None:
    weights = drawn(3)
    write_weights(repository / "weights.npz", weights)
    asked = request()
    [answer] = model.execute([asked])
    local_ranker = LocalRanker(weights).score(asked["FEATURES"], asked["MASK"])
    assert np.allclose(answer.outputs["SCORES"], local_ranker.values, atol=1e-5)
    assert answer.outputs["MODEL_VERSION"].tolist() == [3]
    assert answer.outputs["TABLE"][0].decode() == weights.table


def test_new_weights_are_loaded_with_the_next_request(model: Any, repository: Path) -> None:
    versions = []
    for version in (1, 2, 3):
        write_weights(repository / "weights.npz", drawn(version))
        versions += [answer.outputs["MODEL_VERSION"][0] for answer in model.execute([request(), request(1)])]
    assert versions == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("prequential_queries", [None, [1], [0, 1]])
def test_variants_score_as_in_the_local_ranker(
    model: Any, repository: Path, prequential_queries: list[int] | None
) -> None:
    weights = replace(drawn(3), others={"bold": drawn(4).arrays})
    write_weights(repository / "weights.npz", weights)
    asked = split() if prequential_queries is None else split(EXAMS=np.array(prequential_queries, np.int32))
    [answer] = model.execute([asked])
    local_ranker = LocalRanker(weights).score(asked["FEATURES"], asked["MASK"], split_of(asked))
    assert np.allclose(answer.outputs["SCORES"], local_ranker.values, atol=1e-5)
    assert not np.allclose(answer.outputs["SCORES"], model.execute([request()])[0].outputs["SCORES"], atol=0.1)
    assert answer.outputs["HELD"].tolist() == [True, True, False]
    assert local_ranker.absent == ("gone",)
    if prequential_queries is None:
        assert "EXAM_SCORES" not in answer.outputs
        assert local_ranker.prequential_queries is None
    else:
        assert np.allclose(answer.outputs["EXAM_SCORES"], local_ranker.prequential_queries, atol=1e-5)


def test_prequential_queries_never_change_other_scores(model: Any, repository: Path) -> None:
    write_weights(repository / "weights.npz", replace(drawn(3), others={"bold": drawn(4).arrays}))
    without, evaluated = model.execute([split(), split(EXAMS=np.array([0], np.int32))])
    assert np.array_equal(without.outputs["SCORES"], evaluated.outputs["SCORES"])
    all_usual = split(OWN=np.zeros(2, np.int32), EXAMS=np.array([0, 1], np.int32))
    as_without, plain = model.execute([all_usual, request()])
    assert np.array_equal(as_without.outputs["SCORES"], plain.outputs["SCORES"])


def test_a_broken_file_leaves_the_weights_that_serve(model: Any, repository: Path) -> None:
    write_weights(repository / "weights.npz", drawn(1))
    model.execute([request()])
    (repository / "weights.npz").write_bytes(b"not weights")
    assert model.execute([request()])[0].outputs["MODEL_VERSION"].tolist() == [1]


def test_without_weights_it_responds_with_an_error(model: Any) -> None:
    assert "no weights" in model.execute([request()])[0].error.message


def test_features_of_another_width_are_refused(model: Any, repository: Path) -> None:
    write_weights(repository / "weights.npz", drawn(1))
    asked = {"FEATURES": np.zeros((1, 1, 9), np.float32), "MASK": np.ones((1, 1), np.bool_)}
    assert "9 features were sent" in model.execute([asked])[0].error.message
