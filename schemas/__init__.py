"""The public contract: ids, message types, the topic table, the codec, errors and the published schemas."""
