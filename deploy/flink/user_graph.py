"""Submits the user job, in Flink's own Python: ``python -m deploy.flink.user_graph DIRECTORY``.

`deploy.flink.user_submission` writes the directory and reads the last line of the output: the job's id.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

from deploy.clients import wall_clock
from deploy.flink.java_gateway import begin_java
from deploy.flink.user_task import make_user_task


def main(directory: Path) -> None:
    """Submit the job that the files of a directory describe."""
    java = begin_java(json.loads((directory / "java.json").read_text()))
    try:
        print(submitted(directory))  # noqa: T201 - the caller reads it
    finally:
        java.kill()
        java.wait()


def submitted(directory: Path) -> str:
    """Return the id of the job once the cluster has accepted it."""
    from pyflink.common import Configuration
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.java_gateway import get_gateway

    from streams.flink.user_job import define

    options = Configuration()
    for name, value in json.loads((directory / "options.json").read_text()).items():
        options.set_string(name, value)
    environments = get_gateway().jvm.org.apache.flink.streaming.api.environment
    environment = StreamExecutionEnvironment(environments.StreamExecutionEnvironment(options._j_configuration))
    source = json.loads((directory / "source.json").read_text())
    make_task = partial(make_user_task, (directory / "settings.json").read_text())
    define(environment, source["options"], source["prefix"], make_task, wall_clock)
    return str(environment.execute_async(options.get_string("pipeline.name", "")).get_job_id())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
