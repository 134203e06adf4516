"""The log: records, partitions, readers and publishers, on Kafka and in memory, and the guard against bad records."""
