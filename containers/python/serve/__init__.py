"""Model server: GET /ping and POST /invocations on port 8080."""
