"""Python environments of their own for servers, made by ``uv`` from a committed lock below the cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.environment import installer_environment
from deploy.embedded.server import StackError

PYTHON = "3.11"


@dataclass(frozen=True)
class LockedEnvironment:
    """An environment below `cache`, of what ``lock_dir/uv.lock`` says. Other locks (`more`, too) are another directory,
    so that an update never meets the files of the version before.
    """

    name: str
    cache: Path
    lock_dir: Path
    more: tuple[Path, ...] = ()

    @property
    def directory(self) -> Path:
        """The directory of everything that belongs to it."""
        locks = b"".join(path.read_bytes() for path in (self.lock_dir / "uv.lock", *self.more))
        return self.cache / f"{self.name}-{hashlib.sha256(locks).hexdigest()[:12]}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.directory / ".venv" / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Where its packages are."""
        return self.directory / ".venv" / "lib" / f"python{PYTHON}" / "site-packages"

    @property
    def is_complete(self) -> bool:
        """Whether `complete` was called: everything is in place."""
        return (self.directory / "complete").is_file()

    def complete(self) -> None:
        """Mark it complete."""
        (self.directory / "complete").touch()

    def sync(self) -> None:
        """Install what the lock says.

        Raises:
            StackError: it cannot be fetched or built.
        """
        into = self.directory
        into.mkdir(parents=True, exist_ok=True)
        for name in ("pyproject.toml", "uv.lock"):
            shutil.copyfile(self.lock_dir / name, into / name)
        python = sys.executable if sys.version_info[:2] == (3, 11) else PYTHON
        command = (sys.executable, "-m", "uv", "sync", "--frozen", "--no-progress", "--project", str(into))
        result = subprocess.run(
            (*command, "--python", python), cwd=into, env=installer_environment(), capture_output=True, text=True
        )
        if result.returncode:
            whose, made = self.name.capitalize(), " ".join(command)
            raise StackError(f"{whose}'s environment cannot be created by {made!r}:\n{result.stderr[-2000:]}")
