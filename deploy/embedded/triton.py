"""Triton Inference Server with its Python backend, in an environment of its own.

The ``nvidia-pytriton`` wheel contains the server; it needs ``numpy<2``, so it cannot share the application's
environment. ``uv`` creates one from the committed lock below ``triton/``.

Who may load a model runs code, so nobody but this user reaches the server: it has no HTTP and no gRPC port, but a Unix
socket in a private directory. Of this user's processes, only those that send the stack's secret may load and unload
models, read statistics, or change logging and shared memory. The secret is on the command line, which Triton offers no
other way for: other users may read it there, and cannot use it.
"""

from __future__ import annotations

import filecmp
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from deploy.embedded.layout import DataLayout
from deploy.embedded.locked_environment import PYTHON, LockedEnvironment
from deploy.embedded.server import Download, EmbeddedServer, Program, Site, StackError, nothing_to_do
from deploy.settings import Settings

MODEL = "ranker"
LOCK_DIR = Path(__file__).parent / "triton"
TRITON_MEGABYTES = 5_300
RESTRICTED = ("model-repository", "model-config", "statistics", "shared-memory", "trace", "logging")
SECRET_HEADER = "lifelong-secret"
"""Clients send it as ``triton-grpc-protocol-lifelong-secret``."""


def endpoint(settings: Settings) -> str:
    """Return the gRPC address; of a Unix socket the file's name alone, since paths are long.

    >>> endpoint(Settings(triton={"grpc": "unix:/home/ann/.lifelong/run/triton:20001"}))
    'unix:triton:20001'
    """
    scheme, unix, path = settings.triton.grpc.rpartition("unix:")
    return f"{scheme}{unix}{path.rpartition('/')[2]}" if unix else path


def problem(settings: Settings) -> str:
    """Return why the server is not ready or the ranker not loaded; empty if both are."""
    from tritonclient.utils import InferenceServerException

    from deploy.clients import triton_tls
    from inference.triton_ranker import triton_client

    client = triton_client(settings.triton.grpc, triton_tls(settings))
    try:
        if not client.is_server_ready(client_timeout=2):
            return "the server is not ready"
        if not client.is_model_ready(MODEL, client_timeout=2):
            return f"model {MODEL!r} is not loaded"
    except InferenceServerException as exc:
        return f"request failed: {exc.message()}"
    finally:
        client.close()
    return ""


def seed_models(source: Path, models: Path) -> None:
    """Copy the shipped model to ``models``; learned weights beside it stay.

    Code and configuration belong to this version: a file that differs is kept as ``<name>.before``.

    Raises:
        StackError: neither directory has the ranker.
    """
    for path in sorted(source.rglob("*")):
        target = models / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif "__pycache__" not in path.parts:
            _install(path, target)
    if not (models / MODEL / "config.pbtxt").is_file():
        raise StackError(f"no model {MODEL!r} in {str(source)!r} or {str(models)!r}; install lifelong again")


def _install(path: Path, target: Path) -> None:
    """Copy the file if it is absent or differs; replace it atomically, since Triton may be reading it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        if filecmp.cmp(path, target, shallow=False):
            return
        shutil.copyfile(target, target.with_name(f"{target.name}.before"))
    draft = target.with_name(f"{target.name}.draft")
    shutil.copyfile(path, draft)
    draft.replace(target)


def _environment(site: Site) -> LockedEnvironment:
    return LockedEnvironment("triton", site.layout.cache_dir, LOCK_DIR)


def _missing(site: Site) -> Download | None:
    if _environment(site).is_complete:
        return None
    return Download(
        "Triton and torch (packages; shared on disk with the application's by uv's cache)", TRITON_MEGABYTES
    )


def _fetch(site: Site) -> None:
    """(1) sync the environment from the lock, (2) copy the Python backend's stub into place, (3) mark it complete."""
    environment = _environment(site)
    if environment.is_complete:
        return
    environment.sync()
    server = environment.packages / "pytriton" / "tritonserver"
    stub = server / "python_backend_stubs" / PYTHON / "triton_python_backend_stub"
    shutil.copy2(stub, server / "backends" / "python" / stub.name)
    environment.complete()


def library_dir() -> Path | None:
    """Return the directory of ``libpython3.11``, which the backend's stub loads; None if it is in no usual one."""
    candidates = [Path(sys.base_prefix) / "lib", *map(Path, filter(None, [sysconfig.get_config_var("LIBDIR")]))]
    candidates += [Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib64"), Path("/usr/local/lib")]
    return next((directory for directory in candidates if any(directory.glob(f"libpython{PYTHON}.so.*"))), None)


def shm_prefix(ports: Mapping[str, int]) -> str:
    """Return the prefix of this stack's shared-memory regions, which differs between stacks."""
    return f"lifelong-{ports['triton_metrics']}-" if "triton_metrics" in ports else ""


def listening_address(layout: DataLayout) -> str:
    """Return where Triton is told to listen. It adds a colon and the number of its port, also to a Unix socket.

    gRPC reads the path as a part of a URI.
    """
    return f"unix:{quote(str(layout.run / 'triton'))}"


def client_address(layout: DataLayout, ports: Mapping[str, int]) -> str:
    """Return where clients reach the embedded Triton."""
    return f"{listening_address(layout)}:{ports['triton_metrics']}"


def _program(site: Site) -> Program:
    seed_models(site.seed, site.layout.models)
    packages, ports = _environment(site).packages, site.choices.ports
    server = packages / "pytriton" / "tritonserver"
    options = {
        "model-repository": site.layout.models,
        "backend-directory": server / "backends",
        "model-control-mode": "explicit",
        "load-model": MODEL,
        "allow-http": "false",
        "grpc-address": listening_address(site.layout),
        "grpc-port": ports["triton_metrics"],
        "grpc-restricted-protocol": f"{','.join(RESTRICTED)}:{SECRET_HEADER}={site.choices.secrets['triton']}",
        "metrics-address": "127.0.0.1",
        "metrics-port": ports["triton_metrics"],
        "exit-timeout-secs": 5,
        "backend-config": f"python,shm-region-prefix-name={shm_prefix(ports)}",
    }
    command = (str(server / "bin" / "tritonserver"), *(f"--{name}={value}" for name, value in options.items()))
    environment = {
        "LD_LIBRARY_PATH": f"{packages / 'nvidia_pytriton.libs'}:{library_dir() or ''}",
        # The stub finds its packages by the first python on the path.
        "PATH": f"{_environment(site).python.parent}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Program("triton", command, directory=site.layout.models, environment=environment, stop_seconds=15)


TRITON = EmbeddedServer(
    name="triton",
    start_seconds=120,
    is_external=lambda settings: bool(settings.triton.grpc),
    endpoint=endpoint,
    missing=_missing,
    fetch=_fetch,
    program=_program,
    settle=nothing_to_do,
    problem=problem,
    open_to=lambda embedded: "this user",
)
