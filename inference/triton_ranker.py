"""The ranker as Triton serves it, over gRPC. No other file talks to Triton."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from inference.ports import Scores, Split
from schemas.errors import RankerUnavailable
from schemas.tls import TlsFiles

MODEL = "ranker"
_OUTPUTS = ("SCORES", "MODEL_VERSION", "TABLE")


class TritonRanker:
    """Scores by the served model, one request for a whole batch.

    `table` is the schema id of the features that are sent: a model of another schema is treated as unavailable. The
    connection opens with the first call and reopens by itself after a failure. `tls` makes it one by TLS.
    """

    def __init__(self, address: str, *, table: str, timeout: float = 0.1, tls: TlsFiles | None = None) -> None:
        self._client = triton_client(address, tls)
        self._table = table
        self._timeout = timeout

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def score(self, features: NDArray[np.float32], mask: NDArray[np.bool_], split: Split | None = None) -> Scores:
        """See `Ranker`.

        Raises:
            RankerUnavailable: no answer within the time limit, or a model of another feature schema.
        """
        inputs = [_input("FEATURES", "FP32", features), _input("MASK", "BOOL", mask), *_split_inputs(split)]
        outputs = [InferRequestedOutput(name) for name in (*_OUTPUTS, *_split_outputs(split))]
        try:
            answer = self._client.infer(MODEL, inputs, outputs=outputs, client_timeout=self._timeout)
        except InferenceServerException as exc:
            raise RankerUnavailable(f"Triton did not score: {exc.message()!r}") from exc
        table = answer.as_numpy("TABLE")[0].decode()
        if table != self._table:
            raise RankerUnavailable(
                f"Triton serves a model of feature schema {table!r}, this process has {self._table!r}"
            )
        scores = Scores(answer.as_numpy("SCORES"), int(answer.as_numpy("MODEL_VERSION")[0]))
        if split is None:
            return scores
        loaded = answer.as_numpy("HELD").tolist()
        return replace(
            scores,
            prequential_queries=answer.as_numpy("EXAM_SCORES") if len(split.prequential_queries) else None,
            absent=tuple(name for name, is_loaded in zip(split.variants, loaded, strict=True) if not is_loaded),
        )


def triton_client(address: str, tls: TlsFiles | None) -> InferenceServerClient:
    """Return a client of the server at this address, `host:port` or `unix:` and a path; without `tls` unencrypted."""
    if tls is None:
        return InferenceServerClient(address)
    return InferenceServerClient(
        address,
        ssl=True,
        root_certificates=tls.authority or None,
        private_key=tls.key or None,
        certificate_chain=tls.certificate or None,
    )


def _input(name: str, kind: str, values: NDArray[Any]) -> InferInput:
    tensor = InferInput(name, list(values.shape), kind)
    tensor.set_data_from_numpy(np.ascontiguousarray(values))
    return tensor


def _split_inputs(split: Split | None) -> list[InferInput]:
    """Return the further inputs of a split batch; prequential queries only if there are any, as no tensor may be
    empty.
    """
    if split is None:
        return []
    names = np.array([name.encode() for name in split.variants], np.object_)
    inputs = [_input("LINEAGES", "BYTES", names), _input("OWN", "INT32", split.own)]
    return [*inputs, _input("EXAMS", "INT32", split.prequential_queries)] if len(split.prequential_queries) else inputs


def _split_outputs(split: Split | None) -> tuple[str, ...]:
    if split is None:
        return ()
    return ("HELD", "EXAM_SCORES") if len(split.prequential_queries) else ("HELD",)
