"""Who plans for a person: profile, memory, planning and actions."""
