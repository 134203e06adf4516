"""What operators look at: the table of panels, and the Grafana dashboard that is built from it."""
