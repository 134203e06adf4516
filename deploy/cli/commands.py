"""The table of commands, each file with its own: whoever imports this loads what any of them needs at once."""

from __future__ import annotations

from deploy.cli import (
    bench,
    config,
    dead_letters,
    demo,
    events,
    files,
    find,
    keys,
    logs,
    look,
    models,
    monitoring,
    processes,
    quarantine,
    rebuild,
    stack,
    topics,
)
from deploy.cli.agents import chat, llm_server, mcp
from deploy.cli.evaluation import backtest, evaluate, experiment
from deploy.cli.user import app as user

COMMANDS = (
    stack,
    logs,
    config,
    topics,
    keys,
    files,
    events,
    look,
    find,
    user,
    chat,
    mcp,
    llm_server,
    models,
    dead_letters,
    quarantine,
    rebuild,
    evaluate,
    experiment,
    demo,
    backtest,
    bench,
    monitoring,
    processes,
)
