// The official @upstash/redis and @upstash/ratelimit against a Redis by REST (the local one): what they send must be
// understood, and what is answered must be what they read.
//
// Environment: UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN.
// Prints `ok <name>` per check; the first failure ends it with a status other than 0.

import assert from "node:assert/strict";
import crypto from "node:crypto";

import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";

const url = process.env.UPSTASH_REDIS_REST_URL;
const token = process.env.UPSTASH_REDIS_REST_TOKEN;
const redis = new Redis({ url, token, retry: false });
// The SDK asks for base64 unless it is told not to, and reads texts as JSON.
const plain = new Redis({ url, token, retry: false, responseEncoding: false, automaticDeserialization: false });

async function check(name, run) {
  await run();
  console.log(`ok ${name}`);
}

await check("set and get", async () => {
  assert.equal(await redis.set("k", "wörd \u0000 \"'\n 🦀"), "OK");
  assert.equal(await redis.get("k"), "wörd \u0000 \"'\n 🦀");
  assert.equal(await plain.get("k"), "wörd \u0000 \"'\n 🦀");
  await redis.set("json", { a: [1, null, "x"], ok: "OK" });
  assert.deepEqual(await redis.get("json"), { a: [1, null, "x"], ok: "OK" });
  assert.equal(await redis.set("k", "x", { nx: true }), null);
  assert.equal(await redis.get("nothing"), null);
  assert.equal(await redis.ping(), "PONG");
});

await check("expiry", async () => {
  await redis.set("short", "v", { ex: 100 });
  assert.equal(await redis.ttl("short"), 100);
  await redis.set("shorter", "v", { px: 30 });
  await new Promise((later) => setTimeout(later, 60));
  assert.equal(await redis.get("shorter"), null);
  assert.equal(await redis.expire("short", 50), 1);
  assert.equal(await redis.persist("short"), 1);
});

await check("del and counters", async () => {
  assert.equal(await redis.incr("n"), 1);
  assert.equal(await redis.incrby("n", 41), 42);
  assert.equal(await redis.del("n", "nothing"), 1);
  assert.equal(await redis.exists("n"), 0);
});

await check("hash", async () => {
  assert.equal(await redis.hset("h", { a: 1, b: "two", c: { three: 3 } }), 3);
  assert.equal(await redis.hget("h", "b"), "two");
  assert.deepEqual(await redis.hgetall("h"), { a: 1, b: "two", c: { three: 3 } });
  assert.deepEqual(await redis.hmget("h", "a", "x"), { a: 1, x: null });
});

await check("lists, sets and sorted sets", async () => {
  await redis.rpush("l", "a", "b", "c");
  assert.deepEqual(await redis.lrange("l", 0, -1), ["a", "b", "c"]);
  await redis.sadd("s", "x");
  assert.equal(await redis.sismember("s", "x"), 1);
  await redis.zadd("z", { score: 1.5, member: "one" }, { score: 2, member: "two" });
  assert.deepEqual(await redis.zrange("z", 0, -1, { withScores: true }), ["one", 1.5, "two", 2]);
  const [cursor, keys] = await redis.scan(0, { match: "l", count: 1000 });
  assert.equal(cursor, "0");
  assert.deepEqual(keys, ["l"]);
});

await check("pipeline", async () => {
  const answers = await redis.pipeline().set("p", 1).incr("p").get("p").get("nothing").exec();
  assert.deepEqual(answers, ["OK", 2, 2, null]);
  const kept = await redis.pipeline().set("p", "text").incr("p").get("p").exec({ keepErrors: true });
  assert.match(kept[1].error, /not an integer/);
  assert.equal(kept[2].result, "text");
});

await check("auto-pipelining", async () => {
  // Reads and writes travel apart, so no call may depend on another.
  const answers = await Promise.all([redis.set("q", 7), redis.get("json"), redis.incr("r")]);
  assert.deepEqual(answers, ["OK", { a: [1, null, "x"], ok: "OK" }, 1]);
});

await check("multi", async () => {
  const answers = await redis.multi().set("m", 1).incr("m").lrange("l", 0, 0).exec();
  assert.deepEqual(answers, ["OK", 2, ["a"]]);
});

await check("scripts", async () => {
  const text = "return { KEYS[1], ARGV[1], redis.call('incr', KEYS[1]) }";
  assert.deepEqual(await redis.eval(text, ["e"], ["x"]), ["e", "x", 1]);
  const hash = crypto.createHash("sha1").update(text).digest("hex");
  assert.deepEqual(await redis.evalsha(hash, ["e"], ["x"]), ["e", "x", 2]);
  await assert.rejects(redis.evalsha("0".repeat(40), [], []), /NOSCRIPT/);
  const script = redis.createScript("return tonumber(ARGV[1]) + 1");
  assert.equal(await script.exec([], ["41"]), 42);
});

await check("ratelimit", async () => {
  const limiters = {
    fixed: Ratelimit.fixedWindow(2, "1 h"),
    sliding: Ratelimit.slidingWindow(2, "1 h"),
    bucket: Ratelimit.tokenBucket(2, "1 h", 2),
  };
  for (const [prefix, limiter] of Object.entries(limiters)) {
    const ratelimit = new Ratelimit({ redis, limiter, prefix, ephemeralCache: false });
    const answers = [];
    for (let n = 0; n < 3; n++) answers.push((await ratelimit.limit("user")).success);
    assert.deepEqual(answers, [true, true, false], prefix);
    await ratelimit.resetUsedTokens("user");
    assert.equal((await ratelimit.limit("user")).success, true, prefix);
  }
});

await check("errors", async () => {
  await assert.rejects(redis.lpush("k", "v"), /WRONGTYPE/);
  const stranger = new Redis({ url, token: "wrong", retry: false });
  await assert.rejects(stranger.get("k"), /Unauthorized/);
});
