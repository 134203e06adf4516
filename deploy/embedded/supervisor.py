"""supervisord for a data directory: its configuration, and requests to it over its unix socket."""

from __future__ import annotations

import re
import resource
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from deploy.embedded.environment import child_environment
from deploy.embedded.layout import DataLayout
from deploy.embedded.server import Program, StackError
from deploy.private_files import write_private

# Marks every process of a stack with its data directory, so that `down` ends all of them and no others.
MARK = "SUPERVISED_BY_LIFELONG"
LOG_BYTES = 20_000_000
# Kafka and Milvus open many files; the limit must not exceed what the system grants.
OPEN_FILES = 65_536
_COMMENT = re.compile(r"\s[;#]|[\r\n]")


@dataclass(frozen=True)
class State:
    """A program's state by supervisord. ``since`` is its uptime in seconds; pid 0 means that no process runs."""

    name: str
    state: str
    pid: int
    since: float
    detail: str


def daemon_section(layout: DataLayout) -> str:
    """Return the configuration of supervisord itself: a unix socket for this user, no port."""
    open_files = min(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    return "\n".join(
        [
            "[supervisord]",
            f"logfile={_escaped(layout.log('supervisor'))}",
            "logfile_maxbytes=5000000",
            "logfile_backups=1",
            f"pidfile={_escaped(layout.pid_file)}",
            f"directory={_escaped(layout.run)}",
            f"childlogdir={_escaped(layout.logs)}",
            "identifier=lifelong",
            "umask=077",
            f"minfds={open_files}",
            "",
            "[unix_http_server]",
            f"file={_escaped(layout.socket)}",
            "chmod=0600",
            "",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
            "",
            "[include]",
            f"files={_escaped(programs_dir(layout))}/*.conf",
            "",
        ]
    )


def program_section(program: Program, layout: DataLayout) -> str:
    """Return the configuration of a program: started on request, restarted when it ends, stopped as a group.

    Raises:
        StackError: a value of its environment, or a word of its command, cannot be written in this format.
    """
    environment = ",".join(f"{key}={_quoted(key, value)}" for key, value in sorted(program.environment.items()))
    return "\n".join(
        [
            f"[program:{program.name}]",
            f"command={_escaped(shlex.join(program.command))}",
            f"directory={_escaped(program.directory)}",
            f"environment={environment}",
            "autostart=false",
            "autorestart=true",
            "startsecs=1",
            "startretries=20",
            "stopsignal=TERM",
            f"stopwaitsecs={program.stop_seconds}",
            "stopasgroup=true",
            "killasgroup=true",
            f"priority={program.priority}",
            "redirect_stderr=true",
            f"stdout_logfile={_escaped(layout.log(program.name))}",
            f"stdout_logfile_maxbytes={LOG_BYTES}",
            "stdout_logfile_backups=2",
            "",
        ]
    )


def programs_dir(layout: DataLayout) -> Path:
    """Return the directory with a configuration file per program."""
    return layout.run / "programs"


def _escaped(value: object) -> str:
    # supervisord expands %(name)s, and reads what follows a blank and ; or # as a comment, even within quotes.
    if _COMMENT.search(str(value)):
        raise StackError(
            f"{str(value)!r} holds a line break, or a blank before ; or #: the supervisor cannot pass that on; "
            "write the setting into lifelong.toml, or use another path"
        )
    return str(value).replace("%", "%%")


def _quoted(key: str, value: str) -> str:
    # supervisord has no escapes within quotes, and strips quotes of either kind from both ends.
    quote = "'" if '"' in value else '"'
    if quote in value or value != value.strip("'\""):
        raise StackError(
            f"{key} holds quotes of both kinds, or begins or ends with one: the supervisor cannot pass that on; "
            "write the setting into lifelong.toml"
        )
    return f"{quote}{_escaped(value)}{quote}"


class Supervisor:
    """The supervisord of a layout. All methods but ``running`` and ``start`` raise StackError if it does not run."""

    def __init__(self, layout: DataLayout) -> None:
        self._layout = layout

    def running(self) -> bool:
        """Return whether it answers on its socket."""
        try:
            self._ask("getPID")
        except StackError:
            return False
        return True

    def start(self) -> None:
        """Start it in the background without programs; return when it answers.

        Raises:
            StackError: it does not answer within 15 s.
        """
        programs_dir(self._layout).mkdir(exist_ok=True)
        conf = self._layout.run / "supervisord.conf"
        write_private(conf, daemon_section(self._layout))
        environment = child_environment() | {MARK: str(self._layout.data_dir)}
        command = (sys.executable, "-m", "supervisor.supervisord", "-c", str(conf))
        result = subprocess.run(command, env=environment, capture_output=True, text=True)
        if result.returncode or not wait_until(self.running, seconds=15):
            raise StackError(f"supervisord does not start: {result.stdout}{result.stderr}; see {self._layout.logs}")

    def load(self, programs: Iterable[Program]) -> None:
        """Load ``programs``. One whose configuration changed is stopped; an unchanged one keeps running."""
        for program in programs:
            conf = programs_dir(self._layout) / f"{program.name}.conf"
            write_private(conf, program_section(program, self._layout))
        [[added, changed, removed]] = self._ask("reloadConfig")
        for name in (*changed, *removed):
            self._ask("stopProcessGroup", name)
            self._ask("removeProcessGroup", name)
        for name in (*added, *changed):
            self._ask("addProcessGroup", name)

    def forget(self, name: str) -> None:
        """Stop a program and remove its configuration."""
        (programs_dir(self._layout) / f"{name}.conf").unlink(missing_ok=True)
        self.load(())

    def begin(self, name: str) -> None:
        """Start a program unless it runs; return before it is ready."""
        self._ask("startProcess", name, False)

    def stop(self, names: Iterable[str]) -> None:
        """Stop programs and wait for their end."""
        for name in names:
            self._ask("stopProcessGroup", name)

    def states(self) -> dict[str, State]:
        """Return the state of every loaded program, by name."""
        return {info["name"]: _state(info) for info in self._ask("getAllProcessInfo")}

    def end(self) -> None:
        """Stop all programs in parallel, then request supervisord's shutdown."""
        self._ask("stopAllProcesses")
        self._ask("shutdown")

    def _ask(self, method: str, *arguments: object) -> Any:
        from supervisor.xmlrpc import Faults, SupervisorTransport

        # The transport uses the socket; HTTP requires an address, but does not use it.
        transport = SupervisorTransport(None, None, f"unix://{self._layout.socket}")
        try:
            with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as exc:
            if exc.faultCode == Faults.ALREADY_STARTED:
                return True
            raise StackError(f"the supervisor refuses {method} {arguments!r}: {exc.faultString}") from exc
        except (OSError, HTTPException) as exc:
            raise StackError(f"the supervisor in {str(self._layout.data_dir)!r} does not answer: {exc}") from exc


def _state(info: dict[str, Any]) -> State:
    since = float(info["now"] - info["start"]) if info["pid"] else 0.0
    return State(info["name"], info["statename"], info["pid"], since, info["description"] or info["spawnerr"])


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.1) -> bool:
    """Poll ``condition`` until it holds, for ``seconds`` at most; return whether it did."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True
