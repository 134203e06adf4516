"""The row of the dashboard about item statistics on Flink: empty while the Python aggregator has them."""

from __future__ import annotations

from deploy.monitoring.grafana.panels import DashboardRow, Panel, PanelQuery

FLINK_ROW = DashboardRow(
    "Item statistics on Flink (empty with the Python aggregator)",
    (
        Panel(
            "Deltas read by Flink",
            "Deltas per second that the job reads. Far below what workers publish while records wait (right): look at "
            "which task is busy, then raise flink.parallelism.",
            "cps",
            (PanelQuery("sum(lifelong_flink_deltas_per_second)", "read"),),
        ),
        Panel(
            "Deltas that wait for Flink",
            "Deltas in Kafka that the job has not read yet. Growing for minutes: statistics get older; see the two "
            "panels beside it.",
            "short",
            (PanelQuery("sum(lifelong_flink_waiting_records)", "waiting"),),
        ),
        Panel(
            "Busy and held up",
            "Share of time for which the busiest task works, and for which the most held-up one waits for the next. "
            "Busy near 1: the job needs more cores or parallelism.",
            "percentunit",
            (
                PanelQuery("max(lifelong_flink_busy_ratio)", "busiest"),
                PanelQuery("max(lifelong_flink_held_up_ratio)", "most held up"),
            ),
            limit=1.0,
        ),
        Panel(
            "Age of the checkpoint",
            "Seconds since the newest checkpoint. After a crash so much is folded again. Far above "
            "flink.checkpoint_seconds: the TaskManager's log says why checkpoints fail or take long.",
            "s",
            (PanelQuery("max(time() - lifelong_flink_checkpoint_time_seconds)", "age"),),
        ),
        Panel(
            "Size of the checkpoint",
            "Bytes of the newest checkpoint: about 170 for each pair of items. In memory it is several times as much: "
            "raise embedded.flink_mb in time.",
            "bytes",
            (PanelQuery("max(lifelong_flink_checkpoint_bytes)", "bytes"),),
        ),
        Panel(
            "Restarts and failed checkpoints",
            "In the last hour. Flink restarts a job from its newest checkpoint; repeated: the end of the TaskManager's "
            "log names the error.",
            "none",
            (
                PanelQuery("sum(increase(lifelong_flink_restarts_total[1h]))", "restarts"),
                PanelQuery("sum(increase(lifelong_flink_failed_checkpoints_total[1h]))", "failed checkpoints"),
            ),
        ),
    ),
)
