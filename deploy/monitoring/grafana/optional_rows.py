"""Rows of the dashboard about what is off by default."""

from __future__ import annotations

from deploy.monitoring.grafana.agents_row import AGENTS_ROW
from deploy.monitoring.grafana.perception_row import PERCEPTION_ROW

OPTIONAL_ROWS = (PERCEPTION_ROW, AGENTS_ROW)
