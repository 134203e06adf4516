"""Rows of the dashboard about what is off by default."""

from __future__ import annotations

from deploy.monitoring.grafana.perception_row import PERCEPTION_ROW
from deploy.monitoring.grafana.tools_row import TOOLS_ROW

OPTIONAL_ROWS = (PERCEPTION_ROW, TOOLS_ROW)
