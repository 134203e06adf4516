"""Where everything of one embedded stack lies: one data directory, and a cache that all stacks share."""

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
    """The paths of one stack; both directories are absolute."""

    data_dir: Path
    cache_dir: Path

    @classmethod
    def of(cls, data_dir: Path, cache_dir: Path) -> DataLayout:
        """The layout below ``data_dir``, whichever directory the process is in later."""
        return cls(data_dir.absolute(), cache_dir.absolute())

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    @property
    def models(self) -> Path:
        """The model repository that Triton serves and the trainer writes weights to."""
        return self.data_dir / "models"

    @property
    def endpoints_file(self) -> Path:
        return self.data_dir / ENDPOINTS_FILE

    @property
    def choices_file(self) -> Path:
        return self.data_dir / "choices.json"

    @property
    def run(self) -> Path:
        """Configuration, pids and the supervisor's socket; below the temporary directory if the path is too long."""
        near = self.data_dir / "run"
        if len(bytes(near / "supervisor.sock")) <= SOCKET_PATH_MAX:
            return near
        name = hashlib.sha256(bytes(self.data_dir)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"lifelong-{name}"

    @property
    def socket(self) -> Path:
        return self.run / "supervisor.sock"

    @property
    def pid_file(self) -> Path:
        return self.run / "supervisor.pid"

    def data(self, name: str) -> Path:
        """The directory that server ``name`` keeps its data in."""
        return self.data_dir / "data" / name

    def log(self, name: str) -> Path:
        """The log file of server or program ``name``."""
        return self.logs / f"{name}.log"

    def create(self) -> None:
        """Make the directories; what is private is readable by this user alone. May be called again."""
        for directory in (self.data_dir, self.logs, self.data_dir / "data", self.models, self.run):
            directory.mkdir(parents=True, exist_ok=True)
        self.run.chmod(0o700)
        (self.data_dir / "data").chmod(0o700)
