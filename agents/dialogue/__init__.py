"""A conversation that ends in one item, without a language model: read words, keep limits, choose the next act."""
