"""``lifelong user``: what is believed of a user, and what the user says to it."""
