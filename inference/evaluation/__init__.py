"""How good lists are: floors and prequential measures."""
