"""Who may do what: keys with scopes, tokens of users, limits, and the audit log."""
