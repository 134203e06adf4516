"""The ranker as Triton serves it, over gRPC. The only file that talks to Triton."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from inference.ports import Scores
from schemas.errors import RankerUnavailable

MODEL = "ranker"
_OUTPUTS = ("SCORES", "MODEL_VERSION", "TABLE")


class TritonRanker:
    """Scores by the served model; one request for a whole batch.

    `table` is the feature table that is sent: a model trained on another one is treated as unavailable.
    The connection is made with the first call and again by itself after a failure.
    """

    def __init__(self, address: str, *, table: str, timeout: float = 0.1) -> None:
        self._client = InferenceServerClient(address)
        self._table = table
        self._timeout = timeout

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def score(self, features: NDArray[np.float32], mask: NDArray[np.bool_]) -> Scores:
        """See `Ranker`.

        Raises:
            RankerUnavailable: no answer within the time limit, or a model for another feature table.
        """
        inputs = [InferInput("FEATURES", list(features.shape), "FP32"), InferInput("MASK", list(mask.shape), "BOOL")]
        inputs[0].set_data_from_numpy(np.ascontiguousarray(features))
        inputs[1].set_data_from_numpy(np.ascontiguousarray(mask))
        outputs = [InferRequestedOutput(name) for name in _OUTPUTS]
        try:
            answer = self._client.infer(MODEL, inputs, outputs=outputs, client_timeout=self._timeout)
        except InferenceServerException as exc:
            raise RankerUnavailable(f"Triton did not score: {exc.message()!r}") from exc
        table = answer.as_numpy("TABLE")[0].decode()
        if table != self._table:
            raise RankerUnavailable(f"Triton serves a model for feature table {table!r}, ours is {self._table!r}")
        return Scores(answer.as_numpy("SCORES"), int(answer.as_numpy("MODEL_VERSION")[0]))
