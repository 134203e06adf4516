"""Bytes as rows of cells: compression, encodings, and every kind of file."""
