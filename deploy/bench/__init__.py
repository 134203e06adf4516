"""Measure the real stack, from the intended send to the list on its topic: latency, CPU, memory, messages, HTTP.

    plan → target (a stack) → load → collect → measure → report → compare

`run.py` is the order of one run; `http` and `profile` are measurements of their own.
"""
