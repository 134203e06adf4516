"""How well memories follow a person whose preferences change: studies played without any language model."""
