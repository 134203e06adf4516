"""The HTTP door: events, items and instructions in, lists out. `app.create_app` is the table of its contents."""
