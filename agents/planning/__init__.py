"""When to plan anew, what to plan, and who checks it."""
