"""The embedded stack: starts, watches and stops the servers and processes of a data directory."""

from __future__ import annotations

import fcntl
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import inference
from deploy.embedded import choices, endpoints, flink, kafka, milvus, processes, redis, shared_memory, status, triton
from deploy.embedded.environment import child_environment, user_cache_dir
from deploy.embedded.kernels import begin_compiling
from deploy.embedded.layout import DataLayout
from deploy.embedded.programs import (
    COMMAND_LINE,
    OWN_PROCESSES,
    SETUP_COMMAND,
    START_SECONDS,
    OwnProcess,
    command,
    own_environment,
    own_processes,
    own_programs,
)
from deploy.embedded.server import Download, EmbeddedServer, Program, Site, StackError
from deploy.embedded.supervisor import Supervisor, programs_dir, wait_until
from deploy.flink.keys import make_keys
from deploy.settings import Settings, config_path
from deploy.settings.ports import process_ports

SERVERS = (kafka.KAFKA, redis.REDIS, milvus.MILVUS, triton.TRITON)
ALL_SERVERS = frozenset(server.name for server in SERVERS)
# What an engine "flink" needs besides.
FLINK_NAMES = frozenset(server.name for server in flink.FLINK_SERVERS)
# How long a process may take to stop before it is killed.
STOP_PATIENCE_SECONDS = 30.0
# How often a process may start before ``up`` gives up on it.
STARTS_ALLOWED = 3

# Called with the name of a server or process and its new state.
Report = Callable[[str, str], None]


class NotHealthy(StackError):
    """A server or process was started and is not healthy; the log of ``name`` says more."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} does not become healthy: {reason}")
        self.name = name


class Stack:
    """What ``lifelong up``, ``down`` and ``status`` do, for settings without endpoints.

    `module` is run for each of Lifelong's processes, with its command as the argument.
    """

    def __init__(
        self,
        base: Settings,
        *,
        cache_dir: Path | None = None,
        seed: Path | None = None,
        module: str = COMMAND_LINE,
    ) -> None:
        self._module = module
        self.layout = DataLayout.of(base.data_dir, cache_dir or user_cache_dir())
        self.base = endpoints.with_engines(base, self.layout.endpoints_file)
        self._seed = seed or Path(inference.__file__).parent / "model_repository"
        self._supervisor = Supervisor(self.layout)
        self.degraded: dict[str, str] = {}
        """The optional servers that do not work after the last `up`, each with its problem."""

    def settings(self) -> Settings:
        """Return the base settings, completed by the endpoints of started servers."""
        return endpoints.settings_with(self.base, self.layout.endpoints_file)

    def servers(self) -> tuple[EmbeddedServer, ...]:
        """Return all servers that the settings need, embedded or external."""
        return (*SERVERS, *flink.FLINK_SERVERS) if "flink" in endpoints.engines_of(self.base).values() else SERVERS

    def embedded(self, names: frozenset[str] = ALL_SERVERS) -> list[EmbeddedServer]:
        """Return the servers among ``names`` to start here: those without an address in the settings.

        Those of Flink are among all servers, if the settings need them.
        """
        wanted = names | FLINK_NAMES if names >= ALL_SERVERS else names
        return [server for server in self.servers() if server.name in wanted and not server.is_external(self.base)]

    def downloads(self) -> list[Download]:
        """Return what ``up`` would fetch first."""
        site = self._site(choices.StackChoices({}, {}))
        return [download for server in self.embedded() if (download := server.missing(site))]

    def running(self) -> bool:
        """Return whether the supervisor of this data directory runs."""
        return self._supervisor.running()

    def ports(self) -> dict[str, int]:
        """Return the ports chosen for this data directory, by name; empty before the first ``up``."""
        return dict(choices.read(self.layout.choices_file).ports)

    def up(self, report: Report, *, names: frozenset[str] = ALL_SERVERS, programs: bool = False) -> list[str]:
        """Start the servers in ``names`` and, with ``programs``, Lifelong's processes; return the started names.

        (1) choose and store ports and passwords, (2) fetch, (3) write the endpoints, (4) start the servers in parallel
        and wait until each is healthy, (5) create topics, (6) start the processes. What runs already keeps running.
        An optional server may fail: it is named in ``degraded``, and the supervisor retries it.

        Raises:
            StackError: something is not healthy in time; everything that this call started has been stopped again. Or
                item statistics are aggregated by another engine already.
        """
        self.layout.create()
        with self._alone():
            self._refuse_second_engine()
            site = self._site(self._choose())
            self._fetch(site, names, report)
            self._write_endpoints(site)
            fresh = not self.running()
            if fresh:
                self._begin_supervisor(site, frozenset(server.name for server in self.embedded(names)))
            started: list[str] = []
            try:
                self._start_servers(site, names, started, report)
                if programs:
                    self._start_programs(site, started, report)
            except BaseException:
                self._undo(fresh, started)
                raise
            return started

    def down(self) -> list[str]:
        """Stop everything of this data directory; return the names of what ran, empty if nothing did.

        Raises:
            StackError: a process still lives although it was killed.
        """
        regions = shared_memory.regions_of(processes.processes_of(self.layout.data_dir))
        ran = self._stop_all()
        shared_memory.remove(regions | shared_memory.named(triton.shm_prefix(self.ports())))
        return ran

    def restart(self, name: str, report: Report) -> None:
        """Restart a server or process with the current settings; return once it is healthy.

        Raises:
            StackError: the stack does not run, has nothing of this name, or it does not become healthy.
        """
        if not self.running():
            raise StackError(f"nothing runs in {str(self.layout.data_dir)!r}: `lifelong up` starts it")
        with self._alone():
            site = self._site(self._choose())
            names = sorted(self._supervisor.states())
            if name not in names:
                raise StackError(f"there is no {name!r} here to restart: there are {names}")
            servers = [server for server in self.embedded() if server.name == name]
            programs = [*(server.program(site) for server in servers), *self._own_programs(site)]
            self._supervisor.stop([name])
            self._begin([program for program in programs if program.name == name], [], report)
            for server in servers:
                self._await_server(server, site, report)
            self._await_programs([name], report)

    def _stop_all(self) -> list[str]:
        if not self.running():
            return self._end_orphans()
        ran = [state.name for state in self._supervisor.states().values() if state.pid]
        # Processes first, while the servers that they write to still answer.
        self._supervisor.stop(own.name for own in OWN_PROCESSES if own.name in ran)
        self._supervisor.end()
        self._end_processes(STOP_PATIENCE_SECONDS)
        return ran or ["supervisor"]

    def status(self) -> list[status.StatusRow]:
        """Return every server and process, with its current health."""
        states = self._supervisor.states() if self.running() else {}
        return status.rows(self.servers(), self.base, self.settings(), states, self.layout)

    def pids(self) -> dict[str, int]:
        """Return the pid of every server and process that runs here, by name; nobody's health is checked."""
        states = self._supervisor.states() if self.running() else {}
        return {name: state.pid for name, state in states.items() if state.pid}

    def log_tail(self, name: str, lines: int = 20) -> str:
        """Return the last lines of the log of ``name``."""
        path = self.layout.log(name)
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.is_file() else ""

    def _site(self, chosen: choices.StackChoices) -> Site:
        return Site(self.layout, chosen, self.base.embedded, self._seed, self.base.kafka.principal_prefix)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.layout.run / "up.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise StackError(
                    f"another `lifelong up` is running in {str(self.layout.data_dir)!r}; wait for it"
                ) from exc
            yield

    def _refuse_second_engine(self) -> None:
        stored, wanted = endpoints.stored_engines(self.layout.endpoints_file), endpoints.engines_of(self.base)
        if stored != wanted and self.running():
            raise StackError(
                f"the engines here are {stored}, and two engines would publish the same messages: "
                f"`lifelong down` first, then `lifelong up --engine {self.base.worker.engine}`"
            )

    def _choose(self) -> choices.StackChoices:
        embedded, base = self.base.embedded, self.base
        requested = {
            "kafka": embedded.kafka_port,
            "redis": embedded.redis_port,
            "milvus": embedded.milvus_port,
            **process_ports(base),
        }
        chosen = choices.chosen(choices.read(self.layout.choices_file), requested, random.SystemRandom())
        choices.write(self.layout.choices_file, chosen)
        return chosen

    def _fetch(self, site: Site, names: frozenset[str], report: Report) -> None:
        def fetch(server: EmbeddedServer) -> None:
            if server.missing(site):
                report(server.name, "fetching")
                server.fetch(site)
                report(server.name, "fetched")

        cache = self.layout.cache_dir
        cache.mkdir(parents=True, exist_ok=True)
        # Stacks share the cache: a second one waits, and then finds it complete.
        with (cache / "lock").open("w") as lock, ThreadPoolExecutor(len(SERVERS)) as pool:
            fcntl.flock(lock, fcntl.LOCK_EX)
            list(pool.map(fetch, self.embedded(names)))

    def _write_endpoints(self, site: Site) -> None:
        started = frozenset(server.name for server in self.embedded())
        if flink.JOBMANAGER.name in started:
            make_keys(self.layout.flink_keys)
        sections = endpoints.sections(site.choices, started, self.base, self.layout)
        endpoints.write(self.layout.endpoints_file, sections)
        if kafka.KAFKA.name in started:
            login = endpoints.application_sections(site.choices, self.base)
            endpoints.write(self.layout.application_file, login, endpoints.APPLICATION_HEADER)
        else:
            self.layout.application_file.unlink(missing_ok=True)

    def _begin_supervisor(self, site: Site, names: frozenset[str]) -> None:
        self._end_orphans()
        for port_name in choices.PORT_NAMES:
            port = site.choices.ports[port_name]
            if port_name.split("_")[0] in names and not choices.is_free(port):
                raise StackError(
                    f"port {port} ({port_name}) is used by {processes.owner_of(port) or 'another process'}; stop it, "
                    f"or set another port in [embedded], or remove {str(self.layout.choices_file)!r} to choose anew"
                )
        shutil.rmtree(programs_dir(self.layout), ignore_errors=True)
        self._supervisor.start()

    def _start_servers(self, site: Site, names: frozenset[str], started: list[str], report: Report) -> None:
        states = self._supervisor.states()
        for server in self.servers():
            if server.is_external(self.base) and server.name in states:
                self._supervisor.forget(server.name)
        servers = self.embedded(names)
        with ThreadPoolExecutor(len(SERVERS)) as pool:
            programs = pool.map(lambda server: self._program_of(server, site, report), servers)
            self._begin([program for program in programs if program is not None], started, report)
            fresh = [server for server in servers if server.name in started]
            list(pool.map(lambda server: self._await_server(server, site, report), fresh))
        for server in servers:
            if server.optional and server not in fresh and (problem := server.problem(self.settings())):
                self.degraded.setdefault(server.name, problem)

    def _program_of(self, server: EmbeddedServer, site: Site, report: Report) -> Program | None:
        """Return how to run the server; None if it must not run here and lists do not need it."""
        try:
            return server.program(site)
        except StackError as exc:
            if not server.optional:
                raise
            self.degraded[server.name] = str(exc)
            report(server.name, "degraded")
            return None

    def _start_programs(self, site: Site, started: list[str], report: Report) -> None:
        states = self._supervisor.states()
        if not all(own.name in states and states[own.name].pid for own in own_processes(self.base)):
            self._run_setup(site, report)
        self._begin(self._own_programs(site), started, report)
        self._await_programs(started, report)

    def _own_programs(self, site: Site) -> list[Program]:
        logins = not kafka.KAFKA.is_external(self.base)
        processes = own_processes(self.base)
        return own_programs(site, config_path(), logins=logins, module=self._module, processes=processes)

    def _await_programs(self, started: list[str], report: Report) -> None:
        settings = self.settings()

        def wait(own: OwnProcess) -> None:
            page = own.under(settings)
            self._await(own.name, START_SECONDS, partial(page.problem, process_ports(settings)[own.name]))
            report(own.name, "healthy")

        with ThreadPoolExecutor(len(OWN_PROCESSES)) as pool:
            list(pool.map(wait, [own for own in OWN_PROCESSES if own.name in started]))

    def _run_setup(self, site: Site, report: Report) -> None:
        report(" ".join(SETUP_COMMAND), "running")
        environment = child_environment() | own_environment(site, config_path())
        with begin_compiling(self.layout.cache_dir, environment):
            result = subprocess.run(command(*SETUP_COMMAND), env=environment, capture_output=True, text=True)
        if result.returncode:
            raise StackError(f"`lifelong {' '.join(SETUP_COMMAND)}` failed:\n{result.stdout}{result.stderr}")

    def _begin(self, programs: list[Program], started: list[str], report: Report) -> None:
        self._supervisor.load(programs)
        states = self._supervisor.states()
        for program in programs:
            if not states[program.name].pid:
                report(program.name, "starting")
                self._supervisor.begin(program.name)
                started.append(program.name)

    def _await_server(self, server: EmbeddedServer, site: Site, report: Report) -> None:
        settings = self.settings()

        def problem() -> str:
            try:
                server.settle(site)
            except StackError as exc:
                return str(exc)
            return server.problem(settings)

        try:
            self._await(server.name, server.start_seconds, problem)
        except NotHealthy as exc:
            if not server.optional:
                raise
            self.degraded[server.name] = str(exc)
            report(server.name, "degraded")
        else:
            report(server.name, "healthy")

    def _await(self, name: str, seconds: float, problem: Callable[[], str]) -> None:
        last_problem = ""
        pids: set[int] = set()

        def healthy() -> bool:
            nonlocal last_problem
            state = self._supervisor.states()[name]
            pids.update({state.pid} - {0})
            if state.state in {"BACKOFF", "FATAL"} or len(pids) > STARTS_ALLOWED:
                raise NotHealthy(name, f"it ends soon after its start: {state.detail or 'its log may say why'}")
            last_problem = problem()
            return not last_problem and state.state == "RUNNING"

        if not wait_until(healthy, seconds):
            raise NotHealthy(name, f"{last_problem} (after {seconds:.0f} s)")

    def _undo(self, fresh: bool, started: list[str]) -> None:
        if fresh:
            self.down()
        else:
            self._supervisor.stop(started)

    def _end_orphans(self) -> list[str]:
        orphans = sorted({process.name() for process in processes.processes_of(self.layout.data_dir)})
        self._end_processes(patience=0)
        return orphans

    def _end_processes(self, patience: float) -> None:
        if left := processes.end_all(self.layout.data_dir, patience):
            raise StackError(f"processes {[process.pid for process in left]!r} cannot be stopped; end them by hand")
