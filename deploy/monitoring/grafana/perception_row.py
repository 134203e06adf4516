"""The row of the dashboard about the perceiver: empty unless `perception.enabled`."""

from __future__ import annotations

from deploy.monitoring.grafana.panels import DashboardRow, Panel, PanelQuery, quantile, rate

PERCEPTION_ROW = DashboardRow(
    "Perception of texts and pictures (empty unless it is enabled)",
    (
        Panel(
            "Perceived",
            "Items and events of users that were encoded, per second. Zero while records wait (right): read the log of "
            "the perceiver.",
            "cps",
            (PanelQuery(rate("lifelong_perceived_total", "what"), "{{what}}"),),
        ),
        Panel(
            "Not perceived yet",
            "Records that the perceiver has not read. Items: the progress of a new catalogue, or of new encoders. "
            "Events: somebody waits for a list that answers what they showed; these come first.",
            "short",
            (PanelQuery("sum by (what) (lifelong_perception_lag_records)", "{{what}}"),),
        ),
        Panel(
            "Event to vector",
            "Seconds from what a user shows to its vector, from which the next list follows. Pictures of other hosts "
            "take as long as those hosts, at most perception.fetch_seconds.",
            "s",
            tuple(PanelQuery(quantile(q, "lifelong_perception_seconds"), f"p{q * 100:g}") for q in (0.5, 0.99)),
        ),
        Panel(
            "Pictures refused",
            "By reason, in the last hour. Each is a dead letter that names the picture; its item is recommended as "
            "before.",
            "short",
            (PanelQuery("sum by (reason) (increase(lifelong_pictures_refused_total[1h]))", "{{reason}}"),),
        ),
        Panel(
            "Encoders in use",
            "The encoders and their versions. Two rows for long: perceivers of different settings run side by side.",
            "none",
            (PanelQuery("count by (text, image) (lifelong_encoders_info)", "{{text}} and {{image}}"),),
            kind="stat",
        ),
    ),
)
