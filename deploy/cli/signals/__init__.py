"""Commands about external knowledge."""
