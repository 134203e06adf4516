"""Submits SQL statements to a Flink cluster. Run by the Python of Flink's own environment, which has no Lifelong in it.

It reads JSON from its input, `{"options": {name: value}, "statements": [statement]}`, and writes the id of the job that
the last statement began. The options are Flink's; the job itself runs without Python.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Submit what the input says; return once the job is accepted, and leave it to run."""
    from pyflink.common import Configuration
    from pyflink.table import EnvironmentSettings, TableEnvironment

    request = json.load(sys.stdin)
    configuration = Configuration()
    for name, value in request["options"].items():
        configuration.set_string(name, value)
    settings = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    environment = TableEnvironment.create(settings)
    *definitions, insert = request["statements"]
    for definition in definitions:
        environment.execute_sql(definition)
    client = environment.execute_sql(insert).get_job_client()
    sys.stdout.write(f"{client.get_job_id()}\n")


if __name__ == "__main__":
    main()
