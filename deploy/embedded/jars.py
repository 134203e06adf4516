"""Installs the jars of a JVM server: resolved from Maven coordinates in pure Python, verified against a lock."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from deploy.embedded.server import StackError


def read_lock(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each jar by file name; the lock has one ``sha256  filename`` per line."""
    lines = (line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#"))
    return {name: digest for digest, name in lines}


def render_lock(jars: Sequence[Path]) -> str:
    """Return the lock of ``jars``, in the order of their names."""
    return "".join(f"{sha256(jar)}  {jar.name}\n" for jar in sorted(jars, key=lambda jar: jar.name))


def sha256(path: Path) -> str:
    """Return the hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(jars: Sequence[Path], lock: dict[str, str]) -> None:
    """Verify that ``jars`` are exactly those of ``lock``.

    Raises:
        StackError: a jar is missing, unexpected or differs from the locked one; the message names it.
    """
    by_name = {jar.name: jar for jar in jars}
    if absent := sorted(lock.keys() - by_name.keys()):
        raise StackError(f"jars {absent!r} are in the lock but were not resolved; update the lock with the coordinates")
    if unexpected := sorted(by_name.keys() - lock.keys()):
        raise StackError(f"jars {unexpected!r} are not in the lock; update it with the coordinates")
    for name, digest in lock.items():
        actual = sha256(by_name[name])
        if actual != digest:
            raise StackError(
                f"jar {str(by_name[name])!r} has SHA-256 {actual!r}, but the lock has {digest!r}: it was changed or "
                "damaged; remove it and try again, and do not run it if that repeats"
            )


def resolve(coordinates: Sequence[str], repository: Path, *, alone: bool = False) -> list[Path]:
    """Return the jars that ``coordinates`` need to run, or they ``alone``, downloaded into ``repository`` where absent.

    Raises:
        StackError: a jar cannot be fetched.
    """
    from jgo.maven import MavenContext, PythonResolver

    context = MavenContext(resolver=PythonResolver(), repo_cache=repository, timeout=60)
    try:
        needed = [context.create_dependency(name) for name in coordinates]
        if not alone:
            needed, transitive = context.resolver.resolve(needed)
            needed += [jar for jar in transitive if jar.scope in {"compile", "runtime"}]
        return [jar.artifact.resolve() for jar in needed]
    except (OSError, RuntimeError, ValueError) as exc:
        raise StackError(f"jars of {list(coordinates)!r} cannot be fetched: {exc}; check the network") from exc


def install(coordinates: Sequence[str], lock_file: Path, into: Path, *, alone: bool = False) -> None:
    """Put the verified jars into the directory ``into``, complete or not at all; they ``alone`` where what they need
    is there already.

    (1) resolve, (2) verify against the lock, (3) copy to a draft, (4) rename: a crash leaves nothing half complete.
    """
    repository = into.with_name(into.name + ".repository")
    jars = resolve(coordinates, repository, alone=alone)
    verify(jars, read_lock(lock_file))
    draft = into.with_name(f"{into.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for jar in jars:
        shutil.copy2(jar, draft / jar.name)
    shutil.rmtree(into, ignore_errors=True)
    draft.rename(into)
    shutil.rmtree(repository, ignore_errors=True)
