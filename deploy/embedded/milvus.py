"""Milvus standalone, from the server binary of the ``milvus`` wheel.

It listens on all interfaces whatever its configuration says, and asks for a password on its clients' port alone: on
the others, among them etcd's, anybody may make credentials and end it. So it runs in a network of its own, of which
only the clients' port and the pages of health and metrics are forwarded to loopback.
"""

from __future__ import annotations

import json
import lzma
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deploy.embedded.environment import child_environment
from deploy.embedded.http import answers
from deploy.embedded.interfaces import other_addresses
from deploy.embedded.packages import package_dir
from deploy.embedded.server import Download, EmbeddedServer, Program, Site, StackError
from deploy.private_files import write_private
from deploy.settings import EmbeddedSettings, Settings

if TYPE_CHECKING:
    from agents.milvus_collection import Address

Network = Literal["private", "loopback", "exposed"]
"""Milvus's network: one of its own, this machine's where that has loopback alone, or any machine's."""
VERSION = "2.3.5"
MILVUS_MEGABYTES = 246
WHAT_TO_DO = (
    "name your own Milvus in [milvus] uri, or allow network namespaces to users (sysctl user.max_user_namespaces, "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container, its seccomp profile), or accept the risk by "
    "`milvus_exposed = true` in [embedded], with a firewall"
)
EXPOSED = "others reach Milvus's inner ports, which ask for no password, as embedded.milvus_exposed accepts"
QUERY_SECONDS = 2.0
FACTORY_PASSWORD = "Milvus"
MILVUS_PARTS = ("root_coord", "query_coord", "query_node", "index_node", "data_coord", "data_node")


def configuration(data: Path, configs: Path, ports: Mapping[str, int]) -> dict[str, Any]:
    """Return ``milvus.yaml``: everything below ``data``, passwords required, few channels for a small machine."""
    parts = {_camel(part): {"ip": "127.0.0.1", "port": ports[f"milvus_{part}"]} for part in MILVUS_PARTS}
    parts["rootCoord"]["dmlChannelNum"] = 4
    return parts | {
        "etcd": {
            "endpoints": f"127.0.0.1:{ports['milvus_etcd']}",
            "use": {"embed": True},
            "data": {"dir": str(data / "etcd")},
            "config": {"path": str(configs / "etcd.yaml")},
            "log": {"level": "warn", "path": "stdout"},
        },
        "metastore": {"type": "etcd"},
        "localStorage": {"path": str(data / "storage")},
        "mq": {"type": "rocksmq"},
        "rocksmq": {"path": str(data / "rocksmq")},
        "common": {"storageType": "local", "security": {"authorizationEnabled": True}},
        "log": {"level": "warn", "stdout": True, "file": {"rootPath": ""}},
        "proxy": {
            "ip": "127.0.0.1",
            "port": ports["milvus"],
            "internalPort": ports["milvus_proxy"],
            "http": {"enabled": False},
        },
    }


def etcd_configuration(ports: Mapping[str, int]) -> dict[str, str]:
    """Return the embedded etcd's configuration: on loopback, with ports of this stack."""
    client, peer = f"http://127.0.0.1:{ports['milvus_etcd']}", f"http://127.0.0.1:{ports['milvus_etcd_peer']}"
    return {
        "name": "default",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
    }


def network(possible: bool, addresses: Sequence[str], *, accepted: bool) -> Network:
    """Return in which network Milvus may run, where a private one is ``possible`` and the machine has ``addresses``
    besides loopback.

    Raises:
        StackError: others could reach its inner ports, and the settings do not accept that.

    >>> network(True, ["10.0.0.7"], accepted=False), network(False, [], accepted=False)
    ('private', 'loopback')
    """
    if possible:
        return "private"
    if not addresses:
        return "loopback"
    if accepted:
        return "exposed"
    raise StackError(
        f"Milvus is not started: the kernel refuses it a network of its own, and at {', '.join(addresses)} its inner "
        f"ports would be open to everybody, without a password; {WHAT_TO_DO}"
    )


def network_here(embedded: EmbeddedSettings) -> Network:
    """Return in which network Milvus may run on this machine.

    Raises:
        StackError: in none.
    """
    return network(_private_is_possible(), other_addresses(), accepted=embedded.milvus_exposed)


def _private_is_possible() -> bool:
    return subprocess.run(_private("true"), env=child_environment(), capture_output=True).returncode == 0


def _private(*command: str, forward: int = 0, pages: int = 0) -> tuple[str, ...]:
    ports = (f"--forward={forward}", f"--pages={pages}") if forward else ()
    return (sys.executable, "-m", "deploy.embedded.private_network", *ports, "--", *command)


def is_exposed(embedded: EmbeddedSettings) -> bool:
    """Return whether others reach Milvus's inner ports, as the settings accept."""
    return embedded.milvus_exposed and network_here(embedded) == "exposed"


def open_to(embedded: EmbeddedSettings) -> str:
    """Return who reaches Milvus, and with what."""
    return "network, inner ports without credential" if is_exposed(embedded) else "this machine, by password"


def problem(settings: Settings) -> str:
    """Return why listing collections or querying an existing one of Lifelong's fails; empty if both work."""
    from agents.milvus_collection import unanswered
    from deploy.clients import milvus_address, milvus_collections

    address = milvus_address(settings)
    return _refusal(address) or unanswered(address, milvus_collections(settings), within=QUERY_SECONDS)


def _refusal(address: Address) -> str:
    import grpc
    from pymilvus import MilvusException

    client = None
    try:
        client = address.connect(timeout_seconds=3)
        client.list_collections(timeout=3)
    except MilvusException as exc:
        return f"request failed: {exc.message}"
    except grpc.RpcError as exc:
        # pymilvus passes a refused password on as a gRPC error.
        return f"request failed: {exc.details() if isinstance(exc, grpc.Call) else exc}"
    finally:
        if client is not None:
            client.close()
    return ""


def _unpacked(site: Site) -> Path:
    return site.layout.cache_dir / f"milvus-{VERSION}"


def _missing(site: Site) -> Download | None:
    return (
        None
        if _unpacked(site).is_dir()
        else Download("Milvus (unpacked from its wheel, no download)", MILVUS_MEGABYTES)
    )


def _fetch(site: Site) -> None:
    """Unpack the binaries into a draft, then rename it, so that they are complete or absent."""
    into = _unpacked(site)
    if into.is_dir():
        return
    draft = into.with_name(f"{into.name}.{os.getpid()}")
    draft.mkdir(parents=True, exist_ok=True)
    packed = sorted((package_dir("milvus") / "data" / "bin").glob("*.lzma"), key=lambda path: -path.stat().st_size)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda path: _unpack(path, draft / path.name.removesuffix(".lzma")), packed))
    draft.rename(into)


def _unpack(packed: Path, into: Path) -> None:
    with lzma.open(packed) as source, into.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    into.chmod(0o755)


def _program(site: Site) -> Program:
    data, configs = site.layout.data("milvus"), site.layout.run / "milvus"
    for directory in (data, configs):
        directory.mkdir(parents=True, exist_ok=True)
    ports = site.choices.ports
    # JSON is valid YAML.
    write_private(configs / "milvus.yaml", json.dumps(configuration(data, configs, ports), indent=1))
    write_private(configs / "etcd.yaml", json.dumps(etcd_configuration(ports), indent=1))
    write_private(configs / "glog.conf", "--logtostderr=true\n--minloglevel=1\n")
    binaries = _unpacked(site)
    environment = {
        "MILVUSCONF": str(configs),
        "LD_LIBRARY_PATH": str(binaries),
        "DEPLOY_MODE": "STANDALONE",
        "METRICS_PORT": str(ports["milvus_health"]),
        "MILVUS_RUN_DIR": str(configs),
    }
    command: tuple[str, ...] = (str(binaries / "milvus"), "run", "standalone")
    if network_here(site.embedded) == "private":
        command = _private(*command, forward=ports["milvus"], pages=ports["milvus_health"])
    # After use, SIGTERM may hang for minutes; its data survives SIGKILL.
    return Program("milvus", command, directory=data, environment=environment, stop_seconds=5)


def _settle(site: Site) -> None:
    """Replace the factory password by the stack's; then clients with the factory password are refused."""
    ports = site.choices.ports
    if not answers(f"http://127.0.0.1:{ports['milvus_health']}/healthz"):
        raise StackError("Milvus does not answer /healthz yet")
    from pymilvus import MilvusClient, MilvusException

    from agents.milvus_collection import Address

    uri, password = f"http://127.0.0.1:{ports['milvus']}", site.choices.secrets["milvus"]
    if not _refusal(Address(uri=uri, token=f"root:{password}")):
        return

    try:
        client = MilvusClient(uri, token=f"root:{FACTORY_PASSWORD}", timeout=5)
        try:
            client.update_password("root", FACTORY_PASSWORD, password)
        finally:
            client.close()
    except MilvusException as exc:
        raise StackError(f"Milvus accepts neither the factory password nor the stack's: {exc.message}") from exc


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


MILVUS = EmbeddedServer(
    name="milvus",
    start_seconds=120,
    is_external=lambda settings: bool(settings.milvus.uri),
    endpoint=lambda settings: settings.milvus.uri,
    missing=_missing,
    fetch=_fetch,
    program=_program,
    settle=_settle,
    problem=problem,
    open_to=open_to,
    optional=True,
)
