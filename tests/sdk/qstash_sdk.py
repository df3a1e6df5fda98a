"""The official qstash package against a QStash (the local emulator).

What it publishes must arrive, and its own Receiver must accept the signature of each delivery and refuse an
altered one. Environment: QSTASH_URL, QSTASH_TOKEN, QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY.
Prints `ok <name>` per check; the first failure ends it with a status other than 0.
"""

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from qstash import QStash, Receiver
from qstash.errors import QStashError, SignatureError

client = QStash(os.environ["QSTASH_TOKEN"], base_url=os.environ["QSTASH_URL"])
receiver = Receiver(
    current_signing_key=os.environ["QSTASH_CURRENT_SIGNING_KEY"],
    next_signing_key=os.environ["QSTASH_NEXT_SIGNING_KEY"],
)
deliveries = []


class Destination(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        deliveries.append((self.path, self.headers, body))
        self.send_response(500 if self.path.startswith("/fail") else 200)
        self.end_headers()

    def log_message(self, *_):
        """Quiet."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Destination)
threading.Thread(target=server.serve_forever, daemon=True).start()
BASE = f"http://127.0.0.1:{server.server_port}"


def until(find, what):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = find()
        if found:
            return found
        time.sleep(0.02)
    raise TimeoutError(what)


def delivered(path):
    return until(lambda: next((d for d in deliveries if d[0] == path), None), path)


def refused(error, run):
    try:
        run()
    except error:
        return
    raise AssertionError(f"{error.__name__} was expected")


def publish_json():
    sent = client.message.publish_json(
        url=f"{BASE}/json", body={"hello": "wörld"}, headers={"X-Tag": "one"}, retries=2
    )
    _, headers, body = delivered("/json")
    assert headers["upstash-message-id"] == sent.message_id
    assert headers["x-tag"] == "one"
    assert json.loads(body) == {"hello": "wörld"}


def signature():
    _, headers, body = delivered("/json")
    signed = {"signature": headers["upstash-signature"], "url": f"{BASE}/json"}
    receiver.verify(body=body, **signed)
    refused(SignatureError, lambda: receiver.verify(body=body + " ", **signed))
    signed["url"] = BASE
    refused(SignatureError, lambda: receiver.verify(body=body, **signed))


def batch_json():
    answers = client.message.batch_json(
        [
            {"url": f"{BASE}/batch/a", "body": {"n": 1}},
            {"url": f"{BASE}/batch/b", "body": {"n": 2}, "delay": "1s"},
        ]
    )
    assert len(answers) == 2
    for n, path in ((1, "/batch/a"), (2, "/batch/b")):
        assert json.loads(delivered(path)[2]) == {"n": n}


def url_group():
    client.url_group.upsert_endpoints(
        "python-group", endpoints=[{"url": f"{BASE}/group/1"}, {"url": f"{BASE}/group/2"}]
    )
    assert len(client.url_group.get("python-group").endpoints) == 2
    sent = client.message.publish_json(url_group="python-group", body={"all": True})
    assert len(sent) == 2 and all(receipt.message_id for receipt in sent)
    for path in ("/group/1", "/group/2"):
        assert delivered(path)[1]["upstash-topic-name"] == "python-group"
    assert any(group.name == "python-group" for group in client.url_group.list())
    client.url_group.delete("python-group")


def schedule():
    made = client.schedule.create(
        destination=f"{BASE}/sweep", cron="0 0 1 1 *", schedule_id="python-sweep"
    )
    assert made == "python-sweep"
    assert client.schedule.get(made).cron == "0 0 1 1 *"
    client.schedule.pause(made)
    assert client.schedule.get(made).paused
    client.schedule.resume(made)
    assert any(known.schedule_id == made for known in client.schedule.list())
    client.schedule.delete(made)
    assert all(known.schedule_id != made for known in client.schedule.list())


def message():
    sent = client.message.publish_json(url=f"{BASE}/never", body={}, delay="1d")
    assert client.message.get(sent.message_id).url == f"{BASE}/never"
    assert client.message.cancel_many([sent.message_id]) == 1
    refused(QStashError, lambda: client.message.get(sent.message_id))


def dlq():
    sent = client.message.publish_json(
        url=f"{BASE}/fail", body={}, retries=0, failure_callback=f"{BASE}/failed"
    )
    failure = json.loads(delivered("/failed")[2])
    assert failure["sourceMessageId"] == sent.message_id
    listed = client.dlq.list(filter={"message_id": sent.message_id}).messages
    assert [letter.dlq_id for letter in listed] == [failure["dlqId"]]
    assert client.dlq.get(failure["dlqId"]).response_status == 500
    assert client.dlq.delete_many([failure["dlqId"]]) == 1


def logs():
    page = client.log.list(count=5)
    assert len(page.logs) == 5


def unauthorized():
    stranger = QStash("wrong", base_url=os.environ["QSTASH_URL"], retry=False)
    refused(QStashError, lambda: stranger.message.publish_json(url=BASE, body={}))


CHECKS = (
    publish_json,
    signature,
    batch_json,
    url_group,
    schedule,
    message,
    dlq,
    logs,
    unauthorized,
)
for check in CHECKS:
    check()
    print("ok", check.__name__, flush=True)
server.shutdown()
