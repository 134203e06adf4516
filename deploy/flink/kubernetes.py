"""A Flink cluster for the jobs on Kubernetes: the resource of Flink's operator, without a job; `lifelong flink submit`
submits both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deploy.embedded import flink

SLOTS_EACH = 2
"""A TaskManager has a task of users and one of item statistics: more would take turns in one interpreter."""
VOLUME = "lifelong-data"


def flink_deployment(
    name: str, *, image: str, data_dir: Path, claim: str, taskmanagers: int, megabytes: int
) -> dict[str, Any]:
    """Return a `FlinkDeployment`: a session cluster of so many TaskManagers with `megabytes` of memory each.

    The image holds Flink's environment and Lifelong's packages at the paths that they have where jobs are submitted;
    the volume `claim` is mounted at the data directory, with weights, checkpoints and savepoints.

    >>> made = flink_deployment("l", image="i:1", data_dir=Path("/d"), claim="c", taskmanagers=3, megabytes=2048)
    >>> made["spec"]["flinkVersion"], made["spec"]["taskManager"]["replicas"]
    ('v2_2', 3)
    """
    mounted = str(data_dir.absolute())
    container = {"name": "flink-main-container", "volumeMounts": [{"name": VOLUME, "mountPath": mounted}]}
    volume = {"name": VOLUME, "persistentVolumeClaim": {"claimName": claim}}
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": name},
        "spec": {
            "image": image,
            "flinkVersion": flink.OPERATOR_VERSION,
            "mode": "standalone",
            "serviceAccount": "flink",
            "flinkConfiguration": {
                "taskmanager.numberOfTaskSlots": str(SLOTS_EACH),
                "env.java.opts.all": " ".join(flink.JAVA_OPTIONS),
                **flink.JOB_CONFIGURATION,
            },
            "podTemplate": {
                "apiVersion": "v1",
                "kind": "Pod",
                "spec": {"containers": [container], "volumes": [volume]},
            },
            "jobManager": {"resource": {"memory": "1100m", "cpu": 1}},
            "taskManager": {"replicas": taskmanagers, "resource": {"memory": f"{megabytes}m", "cpu": 1}},
        },
    }
