// Embeddings by gte-small, which Supabase's Edge Runtime carries, in the shape of OpenAI's
// `POST /v1/embeddings`. For the project's own servers only: see auth.ts.

import { isService } from "./auth.ts";
import { readInput } from "./input.ts";
import { Problem } from "./problem.ts";
import { tokens } from "./tokens.ts";

// The runtime's own API: https://supabase.com/docs/guides/functions/ai-models
declare const Supabase: {
  ai: {
    Session: new (model: string) => {
      run(text: string, options: { mean_pool: boolean; normalize: boolean }): Promise<number[]>;
    };
  };
};

const MODEL = "gte-small";
const DIMENSIONS = 384;

// One for all requests: the runtime loads the model once, and takes one text at a time.
const session = new Supabase.ai.Session(MODEL);

Deno.serve(async (request) => {
  try {
    if (request.method !== "POST") throw Problem.method();
    if (!(await isService(request))) throw Problem.unauthorized();
    const texts = await readInput(request, MODEL, DIMENSIONS);
    const embeddings: number[][] = [];
    for (const text of texts) embeddings.push(await embed(text));
    return Response.json(answer(texts, embeddings));
  } catch (error) {
    if (error instanceof Problem) return error.response();
    // The name only: a message could quote the text.
    console.error(error instanceof Error ? error.name : "unknown error");
    return Problem.internal().response();
  }
});

async function embed(text: string): Promise<number[]> {
  const vector = await session.run(text, { mean_pool: true, normalize: true });
  if (!Array.isArray(vector) || vector.length !== DIMENSIONS) throw Problem.internal();
  return vector;
}

function answer(texts: string[], embeddings: number[][]) {
  const used = texts.reduce((sum, text) => sum + tokens(text), 0);
  return {
    object: "list",
    data: embeddings.map((embedding, index) => ({ object: "embedding", index, embedding })),
    model: MODEL,
    usage: { prompt_tokens: used, total_tokens: used },
  };
}
