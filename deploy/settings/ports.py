"""The setting that is the port of each process of Lifelong: one table, from which everybody reads it."""

from __future__ import annotations

from deploy.settings import Settings

PORT_SETTINGS: dict[str, tuple[str, str]] = {
    "worker": ("worker", "metrics_port"),
    "statistics": ("statistics", "metrics_port"),
    "trainer": ("trainer", "metrics_port"),
    "projector": ("projector", "metrics_port"),
    "perceiver": ("perception", "metrics_port"),
    "planner": ("llm", "metrics_port"),
    "gateway": ("gateway", "port"),
}
"""Section and setting, by process: the port of the gateway, and of the others' metrics."""


def process_ports(settings: Settings) -> dict[str, int]:
    """Return the HTTP port of each process by its name; 0 if none is set.

    >>> process_ports(Settings())["gateway"]
    0
    """
    return {name: getattr(getattr(settings, section), key) for name, (section, key) in PORT_SETTINGS.items()}
