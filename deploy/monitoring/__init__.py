"""Monitoring: the metrics that processes publish, Prometheus with its alert rules, and the Grafana dashboard."""
