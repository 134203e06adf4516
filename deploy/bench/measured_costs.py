"""What an event cost in one run of `lifelong bench` for each engine: what `lifelong capacity` computes from."""

from __future__ import annotations

from typing import Literal

from deploy.bench.capacity import Costs, TopicBytes

MEASURED_ON = (
    "two shared cores that also ran Kafka, Redis, Milvus, Triton and the load, 100 events/s for 30 s, 2,000 items, "
    "2,000 users by Zipf's law, in a slow hour: in a fast one an event took this machine a third of the time"
)
MEASURED_COSTS: dict[Literal["python", "flink"], Costs] = {
    "python": Costs(
        cpu_ms={
            "gateway": 0.40,
            "kafka": 4.47,
            "milvus": 0.57,
            "projector": 1.35,
            "redis": 0.21,
            "statistics": 0.21,
            "trainer": 2.25,
            "triton": 0.63,
            "worker": 7.33,
        },
        topics={
            "interactions": TopicBytes(per_event=123.8, per_message=124),
            "item-deltas": TopicBytes(per_event=279.7, per_message=280),
            "item-statistics": TopicBytes(per_event=774.2, per_message=1186),
            "memories": TopicBytes(per_event=323.8, per_message=324),
            "model-updates": TopicBytes(per_event=5.7, per_message=1145),
            "plans": TopicBytes(per_event=189.3, per_message=679),
            "ranking-log": TopicBytes(per_event=14847.4, per_message=8124),
            "recommendations": TopicBytes(per_event=1598.7, per_message=1589),
        },
    ),
    "flink": Costs(
        cpu_ms={
            "gateway": 0.26,
            "jobmanager": 2.33,
            "kafka": 3.70,
            "milvus": 0.54,
            "projector": 1.16,
            "redis": 0.07,
            "statistics": 0.26,
            "taskmanager": 6.94,
            "trainer": 0.43,
            "triton": 0.18,
            "worker": 0.18,
        },
        topics={
            "interactions": TopicBytes(per_event=123.8, per_message=124),
            "item-deltas": TopicBytes(per_event=279.7, per_message=280),
            "item-statistics": TopicBytes(per_event=713.5, per_message=1171),
            "memories": TopicBytes(per_event=324.0, per_message=324),
            "model-updates": TopicBytes(per_event=5.0, per_message=1063),
            "plans": TopicBytes(per_event=189.3, per_message=679),
            "ranking-log": TopicBytes(per_event=6184.8, per_message=5678),
            "recommendations": TopicBytes(per_event=1553.2, per_message=1594),
        },
    ),
}
