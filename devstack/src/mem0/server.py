"""HTTP routes like those of Mem0's self-hosted server, around the real engine.

The server of the Mem0 repository is in no package, so these routes are our own. They answer what its
OpenAPI document says for the calls that our adapter makes, and hand everything to mem0.Memory.

Environment: MEM0_API_KEY, DATABASE_URL, OPENAI_URL (with /v1), STATE (a folder; the port that was
taken is written to its file `port` when requests are served).
"""

import os
import secrets
import socket
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Query
from mem0 import Memory
from pydantic import BaseModel

STATE = Path(os.environ["STATE"])
OPENAI = {"api_key": "none", "openai_base_url": os.environ["OPENAI_URL"]}

memory = Memory.from_config(
    {
        "vector_store": {
            "provider": "pgvector",
            "config": {
                "connection_string": os.environ["DATABASE_URL"],
                "embedding_model_dims": 384,
                "collection_name": "memories",
            },
        },
        "llm": {"provider": "openai", "config": {"model": "stub", **OPENAI}},
        "embedder": {
            "provider": "openai",
            "config": {"model": "lexical-384", "embedding_dims": 384, **OPENAI},
        },
        "history_db_path": str(STATE / "history.db"),
    }
)


def authenticated(x_api_key: str | None = Header(None)) -> None:
    if not secrets.compare_digest(x_api_key or "", os.environ["MEM0_API_KEY"]):
        raise HTTPException(401, "Invalid API key.")


app = FastAPI(dependencies=[Depends(authenticated)])


class Message(BaseModel):
    role: str
    content: str


class NewMemories(BaseModel):
    messages: list[Message]
    user_id: str | None = None
    run_id: str | None = None
    metadata: dict[str, Any] | None = None
    infer: bool | None = None


class Search(BaseModel):
    query: str
    filters: dict[str, Any] | None = None
    top_k: int | None = None
    threshold: float | None = None


def given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def called(function, **arguments: Any) -> Any:
    """An error of the caller's is a 4xx, of the engine's a 502, as on the real server."""
    try:
        return function(**arguments)
    except ValueError as error:
        status = 404 if "not found" in str(error).lower() else 400
        raise HTTPException(status, str(error)) from error
    except Exception as error:
        raise HTTPException(502, "Upstream provider error.") from error


@app.post("/memories")
def add(new: NewMemories) -> Any:
    if not (new.user_id or new.run_id):
        raise HTTPException(400, "At least one identifier is required.")
    arguments = new.model_dump(exclude_none=True)
    return called(memory.add, messages=arguments.pop("messages"), **arguments)


@app.get("/memories")
def listed(
    user_id: str | None = None,
    run_id: str | None = None,
    top_k: int = Query(20, ge=0, le=1000),
) -> Any:
    filters = given(user_id=user_id, run_id=run_id)
    return called(memory.get_all, filters=filters, top_k=top_k)


@app.post("/search")
def search(wanted: Search) -> Any:
    options = given(top_k=wanted.top_k, threshold=wanted.threshold)
    return called(memory.search, query=wanted.query, filters=wanted.filters or {}, **options)


@app.delete("/memories/{memory_id}")
def delete(memory_id: str) -> Any:
    called(memory.delete, memory_id=memory_id)
    return {"message": "Memory deleted successfully"}


@app.delete("/memories")
def delete_all(user_id: str | None = None, run_id: str | None = None) -> Any:
    if not (user_id or run_id):
        raise HTTPException(400, "At least one identifier is required.")
    called(memory.delete_all, **given(user_id=user_id, run_id=run_id))
    return {"message": "All relevant memories deleted"}


class Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Written aside and renamed, so that nobody reads half of it.
        (STATE / "port.new").write_text(str(sockets[0].getsockname()[1]))
        (STATE / "port.new").rename(STATE / "port")


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
