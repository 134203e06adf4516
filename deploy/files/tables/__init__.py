"""Reads bytes as rows of cells: compression, encodings, and every file format."""
