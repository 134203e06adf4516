"""Tools, one per file: the type of the arguments, the type of the result, and the function between them."""
