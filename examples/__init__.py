"""Programs that use Lifelong; `examples/README.md` says how to run each."""
