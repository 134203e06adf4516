"""Commands that ask the running gateway: search and conversations."""
