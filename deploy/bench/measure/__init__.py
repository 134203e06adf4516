"""What a run uses: processor and memory by process, records by topic, and what else the machine did."""
