"""The MkDocs hook that adds the generated pages; `mkdocs.yml` names this file."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from deploy.reference.pages import PAGES, decisions_page, records

DECISIONS_PAGE = "decisions/index.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List every decision record under the last entry of the navigation."""
    folder = Path(config.docs_dir)
    pages = [DECISIONS_PAGE, *(path.relative_to(folder).as_posix() for path in records(folder / "decisions"))]
    config.nav = [{"Decisions": pages} if DECISIONS_PAGE in entry.values() else entry for entry in config.nav or ()]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add every page that is generated from the code to those of `docs/`."""
    for path, write in PAGES.items():
        files.append(File.generated(config, path, content=write()))
    index = decisions_page(Path(config.docs_dir) / "decisions")
    files.append(File.generated(config, DECISIONS_PAGE, content=index))
    return files
