"""The port of each process of Lifelong, in one table."""

from __future__ import annotations

from deploy.settings import Settings


def process_ports(settings: Settings) -> dict[str, int]:
    """Return the HTTP port of each process by its name: of the gateway, and of the others' metrics; 0 if none is set.

    >>> process_ports(Settings())["gateway"]
    0
    """
    return {
        "worker": settings.worker.metrics_port,
        "statistics": settings.statistics.metrics_port,
        "trainer": settings.trainer.metrics_port,
        "projector": settings.projector.metrics_port,
        "perceiver": settings.perception.metrics_port,
        "planner": settings.llm.metrics_port,
        "gateway": settings.gateway.port,
    }
