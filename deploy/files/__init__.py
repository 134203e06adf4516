"""Files of events and of items, read as they are written or refused in words.

`tables`: `opening` (compression, archives) → `text` (encodings) → one of `separated`, `json_rows`, `parquet`
(rows of cells) → `fields`: `columns` (whose column is which) → `cells`, `times`, `categories` (what a cell means) →
`events`, `items` → `report`.

Nothing is guessed through floats: text stays text until a field asks for a number or a time, whole numbers stay whole
numbers of any size, and each value is checked by the codec as if an application had sent it.
"""
