"""The projector: writes what was published to the feature store and the vector indexes, behind the lists."""
