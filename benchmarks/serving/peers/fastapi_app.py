"""FastAPI behind uvicorn, ONNX Runtime."""

from fastapi import FastAPI, Request, Response

from benchmarks.serving.peers import quick

app = FastAPI()


@app.get("/ping")
async def ping() -> Response:
    """Alive."""
    return Response()


@app.post("/invocations")
async def invocations(request: Request) -> Response:
    """Predict; a prediction is shorter than the change to a thread would be."""
    return Response(quick.answer(await request.body()), media_type="text/csv")
