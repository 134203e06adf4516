"""``lifelong topics`` and ``lifelong schemas``: the contract, made and checked."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from deploy.acls import access, grant_access, principal
from deploy.clients import make_cluster
from deploy.settings import load_settings
from deploy.topics import check_topics, create_topics
from schemas.publish import PUBLISHED, write
from streams.kafka_admin import KafkaAdmin


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    topics = typer.Typer(help="Create, check and show the topics.", no_args_is_help=True)
    topics.command("create")(create)
    topics.command("check")(check)
    topics.command("show")(show)
    app.add_typer(topics, name="topics")
    schemas = typer.Typer(help="The published schemas.", no_args_is_help=True)
    schemas.command("write")(write_schemas)
    app.add_typer(schemas, name="schemas")


def create() -> None:
    """Create the topics that are missing; existing ones are never changed. Grant each process what it needs, where the
    broker has an authorizer.
    """
    settings = load_settings()
    admin = KafkaAdmin(make_cluster(settings))
    created = create_topics(settings, admin)
    Console().print(f"Created {', '.join(created)}." if created else "All topics are there.")
    granted = grant_access(settings, admin)
    who = ", ".join(principal(one.process, settings) for one in access(settings))
    Console().print(f"Granted {granted} rights to {who}." if granted else "The broker has no authorizer.")


def check() -> None:
    """Name what differs from the contract; exit code 1 if anything does."""
    if _print_reports(problems_only=True):
        raise typer.Exit(1)


def show() -> None:
    """Show every topic: its key, policy, partitions, and what it is for."""
    _print_reports(problems_only=False)


def _print_reports(*, problems_only: bool) -> int:
    settings = load_settings()
    reports = check_topics(settings, KafkaAdmin(make_cluster(settings)))
    wrong = [report for report in reports if report.problem]
    table = Table("topic", "key", "policy", "partitions", "what", box=None, header_style="bold")
    for report in wrong if problems_only else reports:
        topic = report.topic
        what = f"[red]{report.problem}[/]" if report.problem else topic.summary
        table.add_row(topic.name, topic.key, topic.cleanup, str(report.partitions or "-"), what)
    Console().print("All topics are as the contract says." if problems_only and not wrong else table)
    return len(wrong)


def write_schemas() -> None:
    """Publish the schemas anew; an incompatible change is refused."""
    changed = write()
    Console().print(f"Wrote {', '.join(changed)} to {PUBLISHED.name}/." if changed else "Nothing changed.")
