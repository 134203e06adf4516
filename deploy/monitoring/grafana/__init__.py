"""The Grafana dashboard: a table of panels, and the JSON that is built from it."""
