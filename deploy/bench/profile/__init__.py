"""Where the processor's time goes: our processes sampled while events arrive."""
