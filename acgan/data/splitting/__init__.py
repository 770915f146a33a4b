"""Training, validation and test images: drawn, grouped, and looked at for copies."""
