"""Whether re-planning pays: a log is replayed, and every choice is ranked by other plans beside production's."""
