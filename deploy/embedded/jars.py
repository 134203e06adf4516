"""The jars of a JVM server: resolved from Maven coordinates in pure Python, held to a committed lock."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from deploy.embedded.server import StackError


def read_lock(path: Path) -> dict[str, str]:
    """The SHA-256 of each jar by file name; one ``sha256  filename`` a line."""
    lines = (line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#"))
    return {name: digest for digest, name in lines}


def render_lock(jars: Sequence[Path]) -> str:
    """The lock that ``jars`` fulfil, in the order of their names."""
    return "".join(f"{sha256(jar)}  {jar.name}\n" for jar in sorted(jars, key=lambda jar: jar.name))


def sha256(path: Path) -> str:
    """The hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(jars: Sequence[Path], lock: dict[str, str]) -> None:
    """Do nothing if ``jars`` are exactly those of ``lock``.

    Raises:
        StackError: a jar is missing, unexpected or not the one that was locked; the message names it.
    """
    by_name = {jar.name: jar for jar in jars}
    if absent := sorted(lock.keys() - by_name.keys()):
        raise StackError(f"jars {absent!r} are in the lock but were not resolved; update the lock with the coordinates")
    if unexpected := sorted(by_name.keys() - lock.keys()):
        raise StackError(f"jars {unexpected!r} are not in the lock; update it with the coordinates")
    for name, digest in lock.items():
        found = sha256(by_name[name])
        if found != digest:
            raise StackError(
                f"jar {str(by_name[name])!r} has SHA-256 {found!r}, but {digest!r} was locked: it was changed or "
                "damaged; remove it and try again, and do not run it if that repeats"
            )


def resolve(coordinates: Sequence[str], repository: Path) -> list[Path]:
    """The jars that ``coordinates`` need to run, downloaded into ``repository`` where absent.

    Raises:
        StackError: one cannot be had.
    """
    from jgo.maven import MavenContext, PythonResolver

    context = MavenContext(resolver=PythonResolver(), repo_cache=repository, timeout=60)
    try:
        asked, needed = context.resolver.resolve([context.create_dependency(each) for each in coordinates])
        kept = asked + [each for each in needed if each.scope in {"compile", "runtime"}]
        return [each.artifact.resolve() for each in kept]
    except (OSError, RuntimeError, ValueError) as exc:
        raise StackError(f"jars of {list(coordinates)!r} cannot be fetched: {exc}; is the network there?") from exc


def install(coordinates: Sequence[str], lock_file: Path, into: Path) -> None:
    """Put the verified jars into the directory ``into``, complete or not at all.

    (1) resolve, (2) verify against the lock, (3) copy beside, (4) rename: a crash leaves nothing that looks complete.
    """
    repository = into.with_name(into.name + ".repository")
    jars = resolve(coordinates, repository)
    verify(jars, read_lock(lock_file))
    beside = into.with_name(f"{into.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for jar in jars:
        shutil.copy2(jar, beside / jar.name)
    shutil.rmtree(into, ignore_errors=True)
    beside.rename(into)
    shutil.rmtree(repository, ignore_errors=True)
