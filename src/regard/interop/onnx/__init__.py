"""Models as graphs in ONNX, and what runs them."""
