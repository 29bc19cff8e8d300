"""The model server against its peers and its limits: what a request costs, and how many are answered."""
