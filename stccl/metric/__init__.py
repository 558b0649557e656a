"""The spatial and temporal coherent correlation metrics, their training and their loss."""
