// What a text costs. The runtime's tokenizer cannot be asked, so this is an estimate: four bytes of
// English to a token, and three quarters of a token to a Chinese character.

/** Where the runtime cuts a text. */
const MAX_TOKENS = 512;

const encoder = new TextEncoder();

/** The tokens that the model will see of a text, estimated. */
export function tokens(text: string): number {
  return Math.min(Math.ceil(encoder.encode(text).length / 4), MAX_TOKENS);
}
