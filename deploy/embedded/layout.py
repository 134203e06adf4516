"""The paths of an embedded stack: a data directory, and a cache that all stacks share."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.settings import ENDPOINTS_FILE

# Linux allows 107 bytes for a unix socket's path, and supervisord adds its pid while it creates the socket.
SOCKET_PATH_MAX = 90


@dataclass(frozen=True)
class DataLayout:
    """The paths of a stack; both directories are absolute."""

    data_dir: Path
    cache_dir: Path

    @classmethod
    def of(cls, data_dir: Path, cache_dir: Path) -> DataLayout:
        """Return the layout below ``data_dir``, with absolute paths."""
        return cls(data_dir.absolute(), cache_dir.absolute())

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    @property
    def models(self) -> Path:
        """Return the model repository that Triton serves and the trainer writes weights to."""
        return self.data_dir / "models"

    @property
    def endpoints_file(self) -> Path:
        return self.data_dir / ENDPOINTS_FILE

    @property
    def application_file(self) -> Path:
        """Return the file with what an application needs to produce events and to read lists."""
        return self.data_dir / "application.toml"

    @property
    def flink_keys(self) -> Path:
        """Return the directory of the certificate and key by which Flink and its client know each other."""
        return self.data_dir / "flink-keys"

    @property
    def choices_file(self) -> Path:
        return self.data_dir / "choices.json"

    @property
    def run(self) -> Path:
        """Return the directory of configuration, pids and socket; a temporary one if the path is too long."""
        directory = self.data_dir / "run"
        if len(bytes(directory / "supervisor.sock")) <= SOCKET_PATH_MAX:
            return directory
        name = hashlib.sha256(bytes(self.data_dir)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"lifelong-{name}"

    @property
    def socket(self) -> Path:
        return self.run / "supervisor.sock"

    @property
    def pid_file(self) -> Path:
        return self.run / "supervisor.pid"

    def data(self, name: str) -> Path:
        """Return the data directory of server ``name``."""
        return self.data_dir / "data" / name

    def log(self, name: str) -> Path:
        """Return the log file of server or process ``name``."""
        return self.logs / f"{name}.log"

    def create(self) -> None:
        """Create the directories; private ones are readable by this user only. May be called again."""
        for directory in (self.data_dir, self.logs, self.data_dir / "data", self.models, self.run):
            directory.mkdir(parents=True, exist_ok=True)
        self.run.chmod(0o700)
        (self.data_dir / "data").chmod(0o700)
