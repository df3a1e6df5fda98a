// The official @upstash/ratelimit as a program: a question a line on standard input, an answer a line on standard output.
//
//   {"algorithm": "fixed" | "sliding" | "bucket", "id", "now"}  ->  {"success", "limit", "remaining", "reset"}
//
// `now` is what the clock says during that request, in milliseconds. An array of questions is asked at once, at the first
// one's time, and answered by an array.
//
// Environment: UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN, PREFIX, and RULES: {algorithm: arguments}.

import readline from "node:readline";

import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";

const redis = new Redis({
  url: process.env.UPSTASH_REDIS_REST_URL,
  token: process.env.UPSTASH_REDIS_REST_TOKEN,
  retry: false,
  enableAutoPipelining: false,
});
const rules = JSON.parse(process.env.RULES);
const kinds = { fixed: "fixedWindow", sliding: "slidingWindow", bucket: "tokenBucket" };
const limiters = {};
for (const [algorithm, kind] of Object.entries(kinds)) {
  const limiter = Ratelimit[kind](...rules[algorithm]);
  // Without its memory of spent budgets every request is decided in Redis; the timeout would let requests pass.
  limiters[algorithm] = new Ratelimit({ redis, limiter, prefix: process.env.PREFIX, ephemeralCache: false, timeout: 0 });
}

async function ask({ algorithm, id }) {
  const { success, limit, remaining, reset } = await limiters[algorithm].limit(id);
  return { success, limit, remaining, reset };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const questions = [question].flat();
  Date.now = () => questions[0].now;
  const answers = await Promise.all(questions.map(ask));
  console.log(JSON.stringify(Array.isArray(question) ? answers : answers[0]));
}
