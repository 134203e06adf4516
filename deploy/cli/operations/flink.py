"""``lifelong flink``: look at the jobs on a Flink cluster; submit, store, rescale and cancel them."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from deploy.cli.shown import AsJson, Column, NothingDone, listing, put_json
from deploy.cli.terminal import Console
from deploy.clients import wall_clock
from deploy.embedded.stack import Stack
from deploy.flink.job import FlinkJob
from deploy.flink.jobs import KEEPERS, SETTINGS, JobName, JobRow, job_of, look
from deploy.flink.kubernetes import flink_deployment
from deploy.settings import load_settings
from schemas.errors import LifelongError

Which = Annotated[JobName, typer.Argument(help="The job.", metavar="JOB")]
JOB_COLUMNS = (
    Column("job"),
    Column("state"),
    Column("tasks", right=True),
    Column("records/s", right=True),
    Column("waiting", right=True),
    Column("busy", right=True),
    Column("restarts", right=True),
    Column("checkpoint", right=True),
    Column("id"),
)


class JobKept(LifelongError):
    """A process of this stack keeps the job running, and would undo the command."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    flink = typer.Typer(
        help="Jobs on Apache Flink: status, submit, savepoint, rescale, cancel, deployment.", no_args_is_help=True
    )
    flink.command("status")(status)
    flink.command("submit")(submit)
    flink.command("savepoint")(savepoint)
    flink.command("rescale")(rescale)
    flink.command("cancel")(cancel)
    flink.command("deployment")(deployment)
    app.add_typer(flink, name="flink")


def status(as_json: AsJson = False) -> None:
    """Show both jobs: state, tasks, load, restarts, and the newest checkpoint."""
    rows = [look(name, job_of(name, load_settings()), now=wall_clock()) for name in KEEPERS]
    if as_json:
        put_json([asdict(row) for row in rows])
        return
    console = Console()
    console.print(listing(console, JOB_COLUMNS, [_cells(row) for row in rows]))


def submit(job: Which) -> None:
    """Submit a job, from its newest savepoint or checkpoint if it has one; takes half a minute.

    With `lifelong up --engine flink` the processes `worker` and `statistics` do so by themselves.
    """
    made = _job(job)
    if running := made.find():
        raise NothingDone(f"job {job} runs already, as {running}")
    Console(highlight=False).print(f"Submitted {job} as {made.submit()}.")


def savepoint(job: Which) -> None:
    """Store the state of a running job, which goes on; print where it is."""
    made = _job(job)
    Console(highlight=False).print(escape(made.savepoint(_running(job, made), time.sleep)), soft_wrap=True)


def rescale(
    job: Which, tasks: Annotated[int, typer.Argument(help="How many tasks share its keys.", min=1, max=128)]
) -> None:
    """Change how many tasks share the users or items of a running job.

    Flink restarts it from its newest checkpoint with the new tasks, within seconds. A job that is submitted again has
    as many as the settings say.
    """
    made = _job(job)
    made.cluster.rescale(_running(job, made), tasks)
    Console(highlight=False).print(
        f"{job} goes on with {tasks} tasks, or as many as there are slots; {SETTINGS[job]} = {tasks} keeps it so.",
        soft_wrap=True,
    )


def cancel(job: Which) -> None:
    """Stop a job with a savepoint, from which `submit` goes on; print where it is."""
    _expect_no_keeper(job)
    made = _job(job)
    Console(highlight=False).print(escape(made.stop(_running(job, made), time.sleep)), soft_wrap=True)


def deployment(
    image: Annotated[str, typer.Argument(help="Image with Flink's environment and Lifelong's packages.")],
    claim: Annotated[str, typer.Option(help="The persistent volume claim of the data directory.")] = "lifelong-data",
    taskmanagers: Annotated[int, typer.Option(help="How many TaskManagers: the tasks of users.", min=1, max=128)] = 1,
    name: Annotated[str, typer.Option(help="Name of the cluster.")] = "lifelong",
) -> None:
    """Print a cluster for Flink's operator on Kubernetes, as JSON for `kubectl apply -f -`.

    It runs no job: set flink.rest to its service, and submit both jobs.
    """
    settings = load_settings()
    put_json(
        flink_deployment(
            name,
            image=image,
            data_dir=settings.data_dir,
            claim=claim,
            taskmanagers=taskmanagers,
            megabytes=settings.embedded.flink_mb,
        )
    )


def _cells(row: JobRow) -> tuple[str, ...]:
    def shown(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    checkpoint = ""
    if row.checkpoint_age is not None and row.checkpoint_bytes is not None:
        checkpoint = f"{row.checkpoint_bytes / 1e6:,.1f} MB, {row.checkpoint_age:,.0f} s ago"
    numbers = (
        shown(row.tasks, "d"),
        shown(row.records_per_second, ",.0f"),
        shown(row.waiting, ",.0f"),
        shown(row.busy, ".0%"),
        shown(row.restarts, "d"),
    )
    return (row.job, row.state, *numbers, checkpoint, row.id)


def _job(name: JobName) -> FlinkJob:
    return job_of(name, load_settings())


def _running(name: JobName, job: FlinkJob) -> str:
    running = job.find()
    if not running:
        raise NothingDone(f"job {name} does not run on {job.cluster.address}")
    return running


def _expect_no_keeper(name: JobName) -> None:
    """Check that no process of this stack would submit the job again.

    Raises:
        JobKept: one would.
    """
    keeper = KEEPERS[name]
    if keeper in Stack(load_settings(with_endpoints=False)).pids():
        raise JobKept(f"process {keeper} keeps job {name} running; `lifelong down` stops both, with a savepoint")
