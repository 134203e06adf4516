"""The dashboard as a table: rows of panels, each with its queries and advice for when it looks wrong.

To add a panel, add it here and run ``python -m deploy.monitoring.grafana.dashboard``.
"""

from __future__ import annotations

from deploy.monitoring.grafana.agents_row import AGENTS
from deploy.monitoring.grafana.flink_row import FLINK_ROW
from deploy.monitoring.grafana.models import MODELS
from deploy.monitoring.grafana.optional_rows import OPTIONAL_ROWS
from deploy.monitoring.grafana.panels import DashboardRow, Panel, PanelQuery, quantile, rate

TARGET_SECONDS = 0.2
"""From the event to its list, at the 99th percentile; a bound of the histogram's buckets."""

TOTAL = '{stage="total"}'
STAGE_FILTER = '{stage!="total"}'

FRESHNESS = DashboardRow(
    "Freshness: from the event to its list",
    (
        Panel(
            "Event to list",
            "Seconds from the event's arrival in Kafka to its published list. Above the line for minutes: look at "
            "which stage grows (right), then at lag below. Replayed old records count too.",
            "s",
            tuple(PanelQuery(quantile(q, "lifelong_stage_seconds", TOTAL), f"p{q * 100:g}") for q in (0.5, 0.9, 0.99)),
            limit=TARGET_SECONDS,
        ),
        Panel(
            "Slowest stage (p99)",
            "queue: waiting for a worker, so add workers or find the stall. fold: users loaded from Redis. rank: "
            "Triton or too many candidates.  publish: Kafka's acknowledgement, so look at the brokers.",
            "s",
            (PanelQuery(quantile(0.99, "lifelong_stage_seconds", STAGE_FILTER, "stage"), "{{stage}}"),),
        ),
        Panel(
            "Where the time goes (mean)",
            "The mean seconds of each stage, stacked: their sum is the mean from event to list.",
            "s",
            (
                PanelQuery(
                    f"{rate(f'lifelong_stage_seconds_sum{STAGE_FILTER}', 'stage')}"
                    f" / {rate(f'lifelong_stage_seconds_count{STAGE_FILTER}', 'stage')}",
                    "{{stage}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Lists in time",
            f"Share of lists published within {TARGET_SECONDS * 1000:g} ms of their event. Below 99% the target "
            "is missed; above it, only single lists are slow.",
            "percentunit",
            (
                PanelQuery(
                    f"""{rate(f'lifelong_stage_seconds_bucket{{stage="total",le="{TARGET_SECONDS}"}}')}"""
                    f" / {rate(f'lifelong_stage_seconds_count{TOTAL}')}",
                    "in time",
                ),
            ),
            width=12,
        ),
        Panel(
            "Storing a batch (p99)",
            "Seconds to write states and offsets to Redis; not part of event to list, but the next batch waits "
            "for it. Growing:  look at Redis's append-only file and its disk.",
            "s",
            (PanelQuery(quantile(0.99, "lifelong_store_seconds", by="scope"), "{{scope}}"),),
            width=12,
        ),
    ),
)

TRAFFIC = DashboardRow(
    "Traffic",
    (
        Panel(
            "Events applied",
            "Events per second by topic. Zero while applications send: look at lag, then at the worker's log.",
            "cps",
            (PanelQuery(rate("lifelong_events_total", "topic"), "{{topic}}"),),
        ),
        Panel(
            "Lists published",
            "Lists per second. Far below the events: coalescing (right) or duplicates from applications.",
            "cps",
            (PanelQuery(rate("lifelong_lists_total"), "lists"),),
        ),
        Panel(
            "Coalescing",
            "Events answered by one list, and events handled in one batch (p50, p99). Growing means that workers "
            "trade freshness for throughput: add workers if freshness suffers.",
            "short",
            (
                PanelQuery(f"{rate('lifelong_events_total')} / {rate('lifelong_lists_total')}", "events per list"),
                PanelQuery(quantile(0.5, "lifelong_batch_events"), "batch p50"),
                PanelQuery(quantile(0.99, "lifelong_batch_events"), "batch p99"),
            ),
        ),
    ),
)

HEALTH = DashboardRow(
    "Health",
    (
        Panel(
            "Processes up",
            "How many processes of each kind answer. Below what you run: `lifelong status`, then that log.",
            "none",
            (PanelQuery("sum by (job) (up)", "{{job}}"),),
            width=12,
            kind="stat",
        ),
        Panel(
            "Versions",
            "Processes by version of the software. More than one for long: a roll-out is stuck.",
            "none",
            (PanelQuery("count by (version, python) (lifelong_build_info)", "{{version}} on Python {{python}}"),),
            width=4,
            kind="stat",
        ),
        Panel(
            "Partitions by worker",
            "Partitions of all topics assigned to each worker. Uneven or none: a rebalance is stuck; the sum "
            "must not change.",
            "none",
            (PanelQuery("count by (instance) (lifelong_lag_records)", "{{instance}}"),),
            stacked=True,
        ),
        Panel(
            "Lag by partition",
            "Records not applied yet, the ten worst partitions. One alone: a hot user or a stall. "
            "All: too few workers.",
            "short",
            (PanelQuery("topk(10, sum by (topic, partition) (lifelong_lag_records))", "{{topic}}-{{partition}}"),),
        ),
        Panel(
            "Rewound offsets",
            "Topics recreated, truncated or deleted from, and state stores that lost data, as found when partitions "
            "were assigned. What is left is read again; the log of the process says from where, and what is lost.",
            "short",
            (PanelQuery("sum by (how, what) (lifelong_log_breaks_total)", "{{how}}: {{what}}"),),
        ),
        Panel(
            "Dead letters and misrouted records",
            "Records per second that could not be used, and records that came with a wrong key. Read them with "
            "`lifelong dead-letters list`, fix the producer, then `lifelong dead-letters replay`.",
            "cps",
            (
                PanelQuery(rate("lifelong_dead_letters_total", "topic, reason"), "{{topic}}: {{reason}}"),
                PanelQuery(rate("lifelong_misrouted_total", "topic"), "misrouted {{topic}}"),
                PanelQuery(rate("lifelong_erased_records_total", "topic"), "of erased users {{topic}}"),
            ),
        ),
        Panel(
            "Redelivered",
            "Records seen again and skipped. A spike after a restart is normal; steady means that acknowledging fails.",
            "cps",
            (PanelQuery(rate("lifelong_redelivered_total", "topic"), "{{topic}}"),),
        ),
        Panel(
            "Waiting for servers",
            "Times per second that a store did not answer and was tried again. Above zero: bring that server back; "
            "everything continues by itself.",
            "cps",
            (PanelQuery(rate("lifelong_waits_total", "server"), "{{server}}"),),
        ),
        Panel(
            "Degraded lists",
            "Share of lists made with something missing. ranker-local: Triton did not answer in time, the local "
            "ranker took over.",
            "percentunit",
            (
                PanelQuery(
                    f"{rate('lifelong_degraded_total', 'kind')} / on () group_left () {rate('lifelong_lists_total')}",
                    "{{kind}}",
                ),
            ),
        ),
        Panel(
            "Guardrail",
            "Faults per second that guardrails removed from lists. Expect few: a rise is a fault in a candidate "
            "source, in the catalogue, or an attack.",
            "cps",
            (PanelQuery(rate("lifelong_guardrail_total", "violation"), "{{violation}}"),),
        ),
        Panel(
            "Choices by account",
            "Choices per second of known accounts, of new ones, and of new ones together of an item that known ones "
            "leave alone. The last for long: one hand may have made them; the workers' logs name the item.",
            "cps",
            (PanelQuery(rate("lifelong_choices_total", "account"), "{{account}}"),),
        ),
    ),
)

PROJECTIONS = DashboardRow(
    "Projections",
    (
        Panel(
            "Rows written behind",
            "Rows per second to Feast and Milvus. None to one of them while lists appear: look at the projector's log.",
            "cps",
            (PanelQuery(rate("lifelong_projected_total", "target"), "{{target}}"),),
            width=12,
        ),
        Panel(
            "Delay (p50, p99)",
            "Seconds from publication to the projection; the target is 1. Growing: that server is slow; lists do not "
            "wait for it.",
            "s",
            (
                PanelQuery(quantile(0.5, "lifelong_projection_seconds", by="target"), "{{target}} p50"),
                PanelQuery(quantile(0.99, "lifelong_projection_seconds", by="target"), "{{target}} p99"),
            ),
            width=12,
            limit=1.0,
        ),
        Panel(
            "Files of the off-line log",
            "Feast's Parquet files, by view: hundreds today, a few for each day before. Growing: look for the "
            "damaged file or the full disk that the projector's log names; joins get slower.",
            "short",
            (PanelQuery("max by (view) (lifelong_offline_files)", "{{view}}"),),
        ),
        Panel(
            "Bytes of the off-line log",
            "By view. It grows for projector.offline_retention_days; set fewer days if the disk does not hold them.",
            "bytes",
            (PanelQuery("max by (view) (lifelong_offline_bytes)", "{{view}}"),),
        ),
        Panel(
            "Waiting to be merged",
            "Age of the oldest file of the off-line log that is not merged yet: 15 minutes at most while the projector "
            "keeps up. Longer: its log says what it cannot merge.",
            "s",
            (PanelQuery("max by (view) (lifelong_offline_waiting_seconds)", "{{view}}"),),
            limit=3600.0,
        ),
    ),
)

GATEWAY_ROW = DashboardRow(
    "Gateway",
    (
        Panel(
            "Requests",
            "Requests per second by route and status. 401: an application lost its key. 5xx: Kafka or Redis is away.",
            "reqps",
            (PanelQuery(rate("lifelong_http_requests_total", "route, status"), "{{route}} {{status}}"),),
        ),
        Panel(
            "Latency (p50, p99)",
            "Seconds to answer, by route. A POST waits for Kafka's acknowledgement; a read with a "
            "token waits for its list.",
            "s",
            (
                PanelQuery(quantile(0.5, "lifelong_http_seconds", by="route"), "{{route}} p50"),
                PanelQuery(quantile(0.99, "lifelong_http_seconds", by="route"), "{{route}} p99"),
            ),
        ),
        Panel(
            "Refused and failed",
            "Share of requests answered with 4xx (the client's fault) and 5xx (the server's fault).",
            "percentunit",
            tuple(
                PanelQuery(
                    f"""({rate(f'lifelong_http_requests_total{{status=~"{digit}.."}}')} or vector(0))"""
                    f" / {rate('lifelong_http_requests_total')}",
                    f"{digit}xx",
                )
                for digit in (4, 5)
            ),
        ),
        Panel(
            "Refused, closed and not audited",
            "Per second: requests that were not answered with success, by reason; connections closed by a limit; "
            "requests missing in the audit log. Many slow-headers or connections: an attack, or a limit that is low.",
            "cps",
            (
                PanelQuery(rate("lifelong_http_refused_total", "reason"), "{{reason}}"),
                PanelQuery(rate("lifelong_http_closed_total", "reason"), "closed: {{reason}}"),
                PanelQuery(rate("lifelong_audit_dropped_total"), "not audited"),
            ),
            width=12,
        ),
        Panel(
            "Connections",
            "Open connections to the gateway. Near the setting gateway.connections_max: add a gateway.",
            "short",
            (PanelQuery('lifelong_http_connections{job="gateway"}', "{{instance}}"),),
            width=12,
        ),
    ),
)

SERVER_ROWS = DashboardRow(
    "Servers and processes",
    (
        Panel(
            "Triton requests",
            "Inference requests per second, and those that failed. None while lists appear: workers rank locally.",
            "reqps",
            (
                PanelQuery(rate("nv_inference_request_success", "model"), "{{model}}"),
                PanelQuery(rate("nv_inference_request_failure", "model, reason"), "{{model}} failed: {{reason}}"),
            ),
        ),
        Panel(
            "Triton time per request",
            "Mean seconds in the queue and computing. Queue growing: more instances of the model, or fewer workers.",
            "s",
            tuple(
                PanelQuery(
                    f"{rate(f'nv_inference_{part}_duration_us', 'model')}"
                    f" / {rate('nv_inference_request_success', 'model')} / 1e6",
                    f"{{{{model}}}} {name}",
                )
                for part, name in (("queue", "queue"), ("compute_infer", "compute"), ("request", "whole"))
            ),
        ),
        Panel(
            "Milvus requests",
            "Requests per second by function and outcome. Failures: `lifelong status`, then Milvus's log.",
            "reqps",
            (PanelQuery(rate("milvus_proxy_req_count", "function_name, status"), "{{function_name}} {{status}}"),),
        ),
        Panel(
            "CPU",
            "Cores used by each process. A worker at 1.0 is full: add a worker, one per core.",
            "short",
            (
                PanelQuery(
                    "sum by (job, instance) (rate(process_cpu_seconds_total[$__rate_interval]))",
                    "{{job}} {{instance}}",
                ),
            ),
        ),
        Panel(
            "Memory",
            "Resident memory of each process. A worker's is flat once its cache is full; growing without end "
            "is a leak.",
            "bytes",
            (PanelQuery("sum by (job, instance) (process_resident_memory_bytes)", "{{job}} {{instance}}"),),
        ),
        Panel(
            "Restarts",
            "Times in the last hour that a process started again. Repeated: the supervisor restarts a process that "
            "keeps ending; the end of its log says why.",
            "none",
            (
                PanelQuery("sum by (job) (changes(process_start_time_seconds[1h]))", "{{job}}"),
                PanelQuery("sum by (process) (increase(lifelong_restarts_total[1h]))", "{{process}} ended by itself"),
            ),
        ),
    ),
)

DASHBOARD_ROWS = (
    FRESHNESS,
    TRAFFIC,
    HEALTH,
    AGENTS,
    MODELS,
    PROJECTIONS,
    *OPTIONAL_ROWS,
    FLINK_ROW,
    GATEWAY_ROW,
    SERVER_ROWS,
)
