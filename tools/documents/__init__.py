"""Documents that are made from the declarations. `make docs` writes them."""
