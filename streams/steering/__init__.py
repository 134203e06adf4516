"""What an instruction in words does to the lists that follow: replays of a log in which users state something."""
