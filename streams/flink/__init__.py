"""What Apache Flink runs of Lifelong: item statistics as SQL."""
