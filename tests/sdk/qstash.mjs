// The official @upstash/qstash against a QStash (the local emulator): what it publishes must arrive, and its
// own Receiver must accept the signature of each delivery and refuse an altered one.
//
// Environment: QSTASH_URL, QSTASH_TOKEN, QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY.
// Prints `ok <name>` per check; the first failure ends it with a status other than 0.

import assert from "node:assert/strict";
import http from "node:http";

import { Client, Receiver } from "@upstash/qstash";

const client = new Client({ baseUrl: process.env.QSTASH_URL, token: process.env.QSTASH_TOKEN });
const receiver = new Receiver({
  currentSigningKey: process.env.QSTASH_CURRENT_SIGNING_KEY,
  nextSigningKey: process.env.QSTASH_NEXT_SIGNING_KEY,
});

const deliveries = [];
const server = http.createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  deliveries.push({ path: request.url, headers: request.headers, body });
  response.statusCode = request.url.startsWith("/fail") ? 500 : 200;
  response.end();
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const base = `http://127.0.0.1:${server.address().port}`;

async function until(check, what) {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    const found = await check();
    if (found) return found;
    await new Promise((later) => setTimeout(later, 20));
  }
  throw new Error(`timed out: ${what}`);
}

const delivered = (path) =>
  until(() => deliveries.find((delivery) => delivery.path === path), `delivery to ${path}`);

async function check(name, run) {
  await run();
  console.log(`ok ${name}`);
}

await check("publishJSON", async () => {
  const sent = await client.publishJSON({
    url: `${base}/json?n=1`,
    body: { hello: "wörld" },
    headers: { "X-Tag": "one" },
    retries: 2,
    label: "sdk",
  });
  const delivery = await delivered("/json?n=1");
  assert.equal(delivery.headers["upstash-message-id"], sent.messageId);
  assert.equal(delivery.headers["x-tag"], "one");
  assert.equal(delivery.headers["content-type"], "application/json");
  assert.deepEqual(JSON.parse(delivery.body), { hello: "wörld" });
});

await check("signature", async () => {
  const delivery = await delivered("/json?n=1");
  const signature = delivery.headers["upstash-signature"];
  const url = `${base}/json?n=1`;
  assert.equal(await receiver.verify({ signature, body: delivery.body, url }), true);
  await assert.rejects(receiver.verify({ signature, body: `${delivery.body} `, url }));
  await assert.rejects(receiver.verify({ signature, body: delivery.body, url: base }));
});

await check("deduplication", async () => {
  const request = { url: `${base}/once`, body: {}, deduplicationId: `id-${Date.now()}` };
  const first = await client.publishJSON(request);
  const second = await client.publishJSON(request);
  assert.equal(second.deduplicated, true);
  assert.equal(second.messageId, first.messageId);
});

await check("batchJSON", async () => {
  const answers = await client.batchJSON([
    { url: `${base}/batch/a`, body: { n: 1 } },
    { url: `${base}/batch/b`, body: { n: 2 }, delay: 1 },
    { url: `${base}/batch/q`, body: { n: 3 }, queueName: "node" },
  ]);
  assert.equal(answers.length, 3);
  for (const [n, path] of [[1, "/batch/a"], [2, "/batch/b"], [3, "/batch/q"]]) {
    assert.deepEqual(JSON.parse((await delivered(path)).body), { n });
  }
});

await check("urlGroups", async () => {
  const endpoints = [{ name: "one", url: `${base}/group/1` }, { url: `${base}/group/2` }];
  await client.urlGroups.addEndpoints({ name: "node-group", endpoints });
  assert.equal((await client.urlGroups.get("node-group")).endpoints.length, 2);
  const sent = await client.publishJSON({ urlGroup: "node-group", body: { all: true } });
  assert.equal(sent.length, 2);
  assert.ok(sent.every((receipt) => receipt.messageId && receipt.url));
  for (const path of ["/group/1", "/group/2"]) {
    assert.equal((await delivered(path)).headers["upstash-topic-name"], "node-group");
  }
  await client.urlGroups.removeEndpoints({ name: "node-group", endpoints: [{ name: "one" }] });
  const groups = await client.urlGroups.list();
  assert.equal(groups.find((group) => group.name === "node-group").endpoints.length, 1);
  await client.urlGroups.delete("node-group");
});

await check("queue", async () => {
  const queue = client.queue({ queueName: "node" });
  await queue.upsert({ parallelism: 2 });
  assert.equal((await queue.get()).parallelism, 2);
  await queue.enqueueJSON({ url: `${base}/queued`, body: {} });
  await delivered("/queued");
  await queue.delete();
});

await check("schedules", async () => {
  const { scheduleId } = await client.schedules.create({
    destination: `${base}/sweep`,
    cron: "0 0 1 1 *",
    scheduleId: "node-sweep",
    body: "{}",
  });
  assert.equal(scheduleId, "node-sweep");
  assert.equal((await client.schedules.get(scheduleId)).cron, "0 0 1 1 *");
  assert.ok((await client.schedules.list()).some((known) => known.scheduleId === scheduleId));
  await client.schedules.pause({ schedule: scheduleId });
  assert.equal((await client.schedules.get(scheduleId)).isPaused, true);
  await client.schedules.resume({ schedule: scheduleId });
  await client.schedules.delete(scheduleId);
  assert.ok(!(await client.schedules.list()).some((known) => known.scheduleId === scheduleId));
});

await check("messages", async () => {
  const { messageId } = await client.publishJSON({ url: `${base}/never`, body: {}, delay: "1d" });
  assert.equal((await client.messages.get(messageId)).url, `${base}/never`);
  assert.deepEqual(await client.messages.cancel([messageId]), { cancelled: 1 });
  await assert.rejects(client.messages.get(messageId));
});

await check("callbacks and dlq", async () => {
  const sent = await client.publishJSON({
    url: `${base}/fail`,
    body: { doomed: true },
    retries: 0,
    failureCallback: `${base}/failed`,
  });
  const failure = JSON.parse((await delivered("/failed")).body);
  assert.equal(failure.sourceMessageId, sent.messageId);
  assert.equal(failure.status, 500);
  const { messages } = await client.dlq.listMessages({ filter: { messageId: sent.messageId } });
  assert.equal(messages.length, 1);
  assert.equal(messages[0].dlqId, failure.dlqId);
  assert.equal(messages[0].responseStatus, 500);
  const retried = await client.dlq.retry([failure.dlqId]);
  assert.notEqual(retried.responses[0].messageId, sent.messageId);
  const again = await until(async () => {
    const filter = { messageId: retried.responses[0].messageId };
    return (await client.dlq.listMessages({ filter })).messages[0];
  }, "the retried message to fail again");
  assert.deepEqual(await client.dlq.delete(again.dlqId), { deleted: 1 });
});

await check("logs", async () => {
  const { logs } = await client.logs({ count: 5 });
  assert.equal(logs.length, 5);
  assert.ok(logs.every((entry) => entry.state && entry.messageId && entry.time));
});

await check("unauthorized", async () => {
  const stranger = new Client({ baseUrl: process.env.QSTASH_URL, token: "wrong", retry: false });
  await assert.rejects(stranger.publishJSON({ url: base, body: {} }), { status: 401 });
});

server.close();
server.closeAllConnections();
