"""The perceiver's metrics, and the observer that feeds them."""

from __future__ import annotations

from typing import get_args

from prometheus_client import Counter, Gauge, Histogram, Info

from schemas.errors import PictureFault

PERCEIVED = Counter("lifelong_perceived_total", "Items and events of users that were encoded.", ["what"])
PERCEPTION_LAG = Gauge("lifelong_perception_lag_records", "Records that the perceiver has not read yet.", ["what"])
PERCEPTION_DELAY = Histogram(
    "lifelong_perception_seconds",
    "Seconds from an event of a user to its vector.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
PICTURES_REFUSED = Counter("lifelong_pictures_refused_total", "Pictures that could not be used, by reason.", ["reason"])
ENCODERS = Info("lifelong_encoders", "The encoders in use, with their versions.")


class PerceiverMetrics:
    """A `streams.perceiver.process.PerceiverObserver` that feeds the metrics."""

    def __init__(self) -> None:
        for what in ("items", "events"):
            PERCEIVED.labels(what)
            PERCEPTION_LAG.labels(what)
        for reason in get_args(PictureFault):
            PICTURES_REFUSED.labels(reason)

    def encoders(self, *, text: str, image: str) -> None:
        """See `streams.perceiver.process.PerceiverObserver`."""
        ENCODERS.info({"text": text, "image": image})

    def perceived(self, what: str, number: int, *, delay: float) -> None:
        """See `streams.perceiver.process.PerceiverObserver`."""
        PERCEIVED.labels(what).inc(number)
        if what == "events":
            PERCEPTION_DELAY.observe(max(0.0, delay))

    def bad_picture(self, fault: PictureFault) -> None:
        """See `streams.perceiver.process.PerceiverObserver`."""
        PICTURES_REFUSED.labels(fault).inc()

    def left(self, what: str, records: int) -> None:
        """See `streams.perceiver.process.PerceiverObserver`."""
        PERCEPTION_LAG.labels(what).set(records)
