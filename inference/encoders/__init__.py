"""Encoders: texts and pictures as vectors, behind one port (`ports`); they are never called while a list is made."""
