"""The row of the dashboard about the jobs on Flink: empty with the engine `python`."""

from __future__ import annotations

from deploy.monitoring.grafana.panels import DashboardRow, Panel, PanelQuery

FLINK_ROW = DashboardRow(
    "Users and item statistics on Flink (empty with the engine python)",
    (
        Panel(
            "Records read by Flink",
            "Records per second that each job reads: `worker` keeps the job of users, `statistics` that of item "
            "statistics. Far below what comes while records wait (right): look at which job is busy, then rescale it.",
            "cps",
            (PanelQuery("sum by (job) (lifelong_flink_records_per_second)", "{{job}}"),),
        ),
        Panel(
            "Records that wait for Flink",
            "Records in Kafka that a job has not read yet; the panel of lag shows partitions. Growing for minutes: "
            "lists or statistics get older; see the two panels beside it.",
            "short",
            (PanelQuery("sum by (job) (lifelong_flink_waiting_records)", "{{job}}"),),
        ),
        Panel(
            "Busy and held up",
            "Share of time for which the busiest task works, and for which the most held-up one waits for the next. "
            "Busy near 1: the job needs more cores or tasks (`lifelong flink rescale`).",
            "percentunit",
            (
                PanelQuery("max by (job) (lifelong_flink_busy_ratio)", "{{job}} busiest"),
                PanelQuery("max by (job) (lifelong_flink_held_up_ratio)", "{{job}} most held up"),
            ),
            limit=1.0,
        ),
        Panel(
            "Age of the checkpoint",
            "Seconds since the newest checkpoint. After a crash so much is handled again. Far above "
            "flink.checkpoint_seconds: the TaskManager's log says why checkpoints fail or take long.",
            "s",
            (PanelQuery("max by (job) (time() - lifelong_flink_checkpoint_time_seconds)", "{{job}}"),),
        ),
        Panel(
            "Size of the checkpoint",
            "Bytes of the newest checkpoint: about 170 for each pair of items, which take several times as much in "
            "memory (raise embedded.flink_mb in time); users are on disk, of which it stores what has changed.",
            "bytes",
            (PanelQuery("max by (job) (lifelong_flink_checkpoint_bytes)", "{{job}}"),),
        ),
        Panel(
            "Restarts and failed checkpoints",
            "In the last hour. Flink restarts a job from its newest checkpoint; repeated: the end of the TaskManager's "
            "log names the error.",
            "none",
            (
                PanelQuery("sum by (job) (increase(lifelong_flink_restarts_total[1h]))", "{{job}} restarts"),
                PanelQuery(
                    "sum by (job) (increase(lifelong_flink_failed_checkpoints_total[1h]))", "{{job}} failed checkpoints"
                ),
            ),
        ),
    ),
)
