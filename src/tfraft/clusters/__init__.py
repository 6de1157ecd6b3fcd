"""Ready-made clusters: the only place that knows which adapters there are, and puts nodes together from them."""
