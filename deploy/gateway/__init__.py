"""The HTTP gateway: events, items and instructions in, lists out. `app.create_app` assembles it."""
