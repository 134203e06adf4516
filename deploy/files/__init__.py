"""Readers of event and catalogue files, which keep values as written or refuse them with a reason.

`tables`: `opening` (compression, archives) → `text` (encodings) → one of `separated`, `json_rows`, `parquet`
(rows of cells) → `fields`: `columns` (which column is which) → `cells`, `times`, `categories` (what a cell means) →
`events`, `items` → `report`.

No value passes through a float: text stays text until a field needs a number or a time, integers stay exact at any
size, and the codec checks each value as if an application had sent it.
"""
