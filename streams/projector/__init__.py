"""The projector: writes published messages behind to the feature store and the vector indexes."""
