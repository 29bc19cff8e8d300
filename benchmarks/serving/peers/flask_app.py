"""The stack of the AWS containers: Flask behind gunicorn, sniffed CSV, DMatrix."""

from flask import Flask, Response, request

from benchmarks.serving.peers import classic

app = Flask(__name__)


@app.get("/ping")
def ping() -> Response:
    """Alive."""
    return Response("\n", mimetype="application/json")


@app.post("/invocations")
def invocations() -> Response:
    """Predict."""
    return Response(classic.answer(request.get_data(), request.content_type), mimetype="text/csv")
