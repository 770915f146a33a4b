"""Trained networks in the formats of other programs: ONNX, TorchScript, and folders of the Hugging Face hub."""
