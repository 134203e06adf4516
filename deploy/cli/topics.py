"""``lifelong topics`` and ``lifelong schemas``: create topics and publish schemas, and check both."""

from __future__ import annotations

import typer
from rich.markup import escape

from deploy.acls import access, grant_access, principal
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, listing, put_json
from deploy.cli.terminal import Console
from deploy.credentials import CREDENTIALS_FILE, create_logins
from deploy.settings import load_settings
from deploy.topics import TopicReport, check_topics, create_topics
from schemas.publishing.publish import PUBLISHED, write
from streams.log.kafka_admin import KafkaAdmin

TOPIC_COLUMNS = (
    Column("topic"),
    Column("key"),
    Column("policy"),
    Column("partitions", right=True),
    Column("what", prose=True),
)


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
    """Create missing topics; existing ones are never changed.

    Grants each process the rights that it needs, where the broker has an authorizer, and creates a login per process,
    where the broker stores passwords (SCRAM).
    """
    settings = load_settings()
    admin = KafkaAdmin(reach_kafka(settings))
    created = create_topics(settings, admin)
    Console().print(f"Created {', '.join(created)}." if created else "All topics exist.")
    logins = create_logins(settings, admin)
    if logins:
        Console().print(
            f"Created logins for {', '.join(logins)}; their passwords are in {settings.data_dir / CREDENTIALS_FILE}."
        )
    granted = grant_access(settings, admin)
    principals = ", ".join(principal(rights.process, settings) for rights in access(settings))
    Console().print(f"Granted {granted} rights to {principals}." if granted else "The broker has no authorizer.")


def check(as_json: AsJson = False) -> None:
    """Show topics that differ from the contract; exit code 1 if any does."""
    if _print_reports(problems_only=True, as_json=as_json):
        raise typer.Exit(1)


def show(as_json: AsJson = False) -> None:
    """Show every topic: key, policy, partitions and purpose."""
    _print_reports(problems_only=False, as_json=as_json)


def _print_reports(*, problems_only: bool, as_json: bool) -> int:
    settings = load_settings()
    reports = check_topics(settings, KafkaAdmin(reach_kafka(settings)))
    problems = [report for report in reports if report.problem]
    shown = problems if problems_only else reports
    if as_json:
        put_json([_as_dict(report) for report in shown])
        return len(problems)
    rows = []
    for report in shown:
        topic = report.topic
        what = f"[red]{escape(report.problem)}[/]" if report.problem else topic.summary
        rows.append((topic.name, topic.key, topic.cleanup, str(report.partitions or "-"), what))
    console = Console(highlight=False)
    all_match = problems_only and not problems
    console.print("All topics match the contract." if all_match else listing(console, TOPIC_COLUMNS, rows))
    return len(problems)


def _as_dict(report: TopicReport) -> dict[str, object]:
    topic = report.topic
    about = {"topic": topic.name, "key": topic.key, "policy": topic.cleanup, "what": topic.summary}
    return about | {"partitions": report.partitions, "problem": report.problem}


def write_schemas() -> None:
    """Publish the schemas anew; refuse an incompatible change."""
    changed = write()
    Console().print(f"Wrote {', '.join(changed)} to schemas/{PUBLISHED.name}/." if changed else "Nothing changed.")
