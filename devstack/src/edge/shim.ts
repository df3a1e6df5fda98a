// What Supabase's Edge Runtime gives a function beside Deno, for a Deno without it: `Supabase.ai` with
// a model whose vectors say only which words a text has, the same on every machine.

const DIMENSIONS = 384;

class Session {
  constructor(model: string) {
    if (model !== "gte-small") throw new TypeError(`invalid type: '${model}'`);
  }

  run(text: string, options: { mean_pool?: boolean; normalize?: boolean }): Promise<number[]> {
    // Without the first the real one returns a vector per token, without the second one of any length.
    if (!options.mean_pool || !options.normalize) throw new Error("not pooled or not normalised");
    if (text.includes("break the model")) return Promise.reject(new Error(text));
    const vector = new Array<number>(DIMENSIONS).fill(0);
    for (const word of text.toLowerCase().split(/\s+/)) vector[hash(word) % DIMENSIONS] += 1;
    const length = Math.hypot(...vector);
    return Promise.resolve(vector.map((value) => value / length));
  }
}

/** FNV-1a. */
function hash(word: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(word)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}

Object.assign(globalThis, { Supabase: { ai: { Session } } });
