"""Instructions in words: a documented grammar in two languages turns them into statements, without a model."""
