"""Runs Lifelong's jobs on a Flink cluster: what they connect to, how they are submitted, watched and stopped."""
