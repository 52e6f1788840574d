"""Inside a network: what each layer makes of an image, and how each number came about."""
