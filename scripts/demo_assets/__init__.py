"""How the demo's photograph and manual are made. See assets/demo/README.md."""
