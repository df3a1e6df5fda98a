"""Mem0's engine, or LangGraph's store, driven line by line: a JSON request in, a JSON answer out.

    {"record": {"user", "id", "text"}}  ->  {"ms", "embedderMs"}
    {"search": {"user", "query"}}       ->  {"ms", "embedderMs", "ids"}

Times are taken here, around the library's own call, so that the pipe costs nobody anything. An
exception is {"error"}. Environment: PEER, DATABASE_URL, EMBEDDER_URL (with /v1), MODEL, DIMENSIONS,
LIMIT, STATE (a folder).
"""

import json
import os
import sys
import time

from openai import OpenAI

LIMIT = int(os.environ["LIMIT"])
DIMENSIONS = int(os.environ["DIMENSIONS"])
MODEL = os.environ["MODEL"]
EMBEDDER = os.environ["EMBEDDER_URL"]
DATABASE = os.environ["DATABASE_URL"]


class Clock:
    """Sums what the embedder takes, since the peers embed within their calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function):
        def timed(*arguments, **named):
            begun = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - begun

        return timed


class Mem0:
    def __init__(self, clock: Clock) -> None:
        from mem0 import Memory

        openai = {"api_key": "none", "openai_base_url": EMBEDDER}
        store = {
            "connection_string": DATABASE,
            "embedding_model_dims": DIMENSIONS,
            "collection_name": "memories",
        }
        self.memory = Memory.from_config(
            {
                "vector_store": {"provider": "pgvector", "config": store},
                "llm": {"provider": "openai", "config": {"model": "none", **openai}},
                "embedder": {
                    "provider": "openai",
                    "config": {"model": MODEL, "embedding_dims": DIMENSIONS, **openai},
                },
                "history_db_path": os.path.join(os.environ["STATE"], "history.db"),
            }
        )
        model = self.memory.embedding_model
        model.embed = clock.around(model.embed)
        model.embed_batch = clock.around(model.embed_batch)

    def record(self, user: str, id: str, text: str) -> None:
        messages = [{"role": "user", "content": text}]
        self.memory.add(messages, user_id=user, metadata={"turn": id}, infer=False)

    def search(self, user: str, query: str) -> list[str]:
        found = self.memory.search(query, filters={"user_id": user}, top_k=LIMIT)
        return [hit["metadata"]["turn"] for hit in found["results"]]


class LangGraph:
    def __init__(self, clock: Clock) -> None:
        from langgraph.store.postgres import PostgresStore

        client = OpenAI(api_key="none", base_url=EMBEDDER)

        def embed(texts: list[str]) -> list[list[float]]:
            answer = client.embeddings.create(input=texts, model=MODEL, encoding_format="float")
            return [one.embedding for one in answer.data]

        index = {"dims": DIMENSIONS, "embed": clock.around(embed), "fields": ["text"]}
        self.opened = PostgresStore.from_conn_string(DATABASE, index=index)
        self.store = self.opened.__enter__()
        self.store.setup()

    def record(self, user: str, id: str, text: str) -> None:
        self.store.put(("memories", user), id, {"text": text})

    def search(self, user: str, query: str) -> list[str]:
        found = self.store.search(("memories", user), query=query, limit=LIMIT)
        return [hit.key for hit in found]


def main() -> None:
    # What the libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    clock = Clock()
    peer = {"mem0": Mem0, "langgraph": LangGraph}[os.environ["PEER"]](clock)
    print("{}", file=answers)
    for line in sys.stdin:
        ((operation, arguments),) = json.loads(line).items()
        clock.seconds = 0.0
        begun = time.perf_counter()
        try:
            ids = getattr(peer, operation)(**arguments)
        except Exception as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers)
            continue
        took = time.perf_counter() - begun
        answer = {"ms": took * 1e3, "embedderMs": clock.seconds * 1e3, "ids": ids or []}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
