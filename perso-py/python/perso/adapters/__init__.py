"""One module per framework, imported on first use."""
