// Reads a request: OpenAI's fields, of which this model can serve one value each.

import { Problem } from "./problem.ts";
import { tokens } from "./tokens.ts";

const MAX_BYTES = 1 << 20;
const MAX_TEXTS = 32;

/**
 * A request may use two seconds of CPU on Supabase, and the inference counts; one that uses more is
 * killed with its instance. A text of full length takes about half a second, so two of them, or
 * correspondingly more short ones. A single text is always taken.
 */
const MAX_TOKENS = 1024;

const FIELDS = ["model", "input", "encoding_format", "dimensions", "user"];

/** The texts of a request, at least one, none of them empty. */
export async function readInput(
  request: Request,
  model: string,
  dimensions: number,
): Promise<string[]> {
  const body = parse(await read(request));
  for (const field of Object.keys(body)) {
    if (!FIELDS.includes(field)) throw Problem.invalid(field, "There is no such field.");
  }
  if (body.model !== model) {
    throw new Problem(404, `The only model is ${model}.`, "model_not_found", "model");
  }
  if ((body.encoding_format ?? "float") !== "float") {
    throw Problem.invalid("encoding_format", "The only encoding is float.");
  }
  if ((body.dimensions ?? dimensions) !== dimensions) {
    throw Problem.invalid("dimensions", `The model has ${dimensions} dimensions.`);
  }
  return texts(body.input);
}

function texts(input: unknown): string[] {
  const texts: unknown[] = Array.isArray(input) ? input : [input];
  if (!texts.every((text) => typeof text === "string")) {
    throw Problem.invalid("input", "A string or an array of strings is required.");
  }
  if (texts.length === 0 || texts.includes("")) {
    throw Problem.invalid("input", "There is nothing to embed in an empty array or string.");
  }
  if (texts.length > MAX_TEXTS) {
    throw Problem.tooLarge(`At most ${MAX_TEXTS} texts may come at once.`, "input");
  }
  const work = texts.reduce((sum, text) => sum + tokens(text), 0);
  if (texts.length > 1 && work > MAX_TOKENS) {
    throw Problem.tooLarge(
      `About ${MAX_TOKENS} tokens may come at once: send fewer texts.`,
      "input",
    );
  }
  return texts;
}

/** The body, read no further than it may be long. */
async function read(request: Request): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = 0;
  let text = "";
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw Problem.tooLarge(`A body has at most ${MAX_BYTES} bytes.`);
    text += decode(() => decoder.decode(chunk, { stream: true }));
  }
  return text + decode(() => decoder.decode());
}

function decode(step: () => string): string {
  try {
    return step();
  } catch {
    throw Problem.invalid(null, "The body is not UTF-8.");
  }
}

function parse(text: string): Record<string, unknown> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw Problem.invalid(null, "The body is not JSON.");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw Problem.invalid(null, "The body is not a JSON object.");
  }
  return body as Record<string, unknown>;
}
