"""The official Zulip client's ordinary calls, one line of JSON for each answer.

Arguments: the site, an e-mail, its API key, the authority's certificate.
"""

import json
import os
import sys
import tempfile

import requests
import zulip

site, email, key, authority = sys.argv[1:]


def told(call, answer):
    print(json.dumps({"call": call, "answer": answer}), flush=True)
    return answer


client = zulip.Client(email=email, api_key=key, site=site, cert_bundle=authority, retry_on_errors=False)

# Who and what is there.
told("get_server_settings", client.get_server_settings())
me = told("get_profile", client.get_profile())
told("get_members", client.get_members())
told("get_user_by_id", client.get_user_by_id(me["user_id"]))

# A channel.
told("add_subscriptions", client.add_subscriptions(streams=[{"name": "judged", "description": "By the client."}]))
told("add_subscriptions again", client.add_subscriptions(streams=[{"name": "judged"}]))
told("get_streams", client.get_streams())
told("get_subscriptions", client.get_subscriptions())
channel = told("get_stream_id", client.get_stream_id("judged"))["stream_id"]
told("get_subscribers", client.get_subscribers(stream="judged"))

# Events: what is done below has to be told of.
queue = told("register", client.register(event_types=["message", "update_message", "delete_message"]))
queue_id, last = queue["queue_id"], queue["last_event_id"]


def next_event(call):
    global last
    answer = told(call, client.get_events(queue_id=queue_id, last_event_id=last))
    last = max(event["id"] for event in answer["events"])


# A message: written, read, listed, searched, changed.
message = {"type": "stream", "to": "judged", "topic": "clients", "content": "It was **burning** <br> & sent."}
sent = told("send_message", client.send_message(message))["id"]
next_event("get_events message")
told("get_raw_message", client.get_raw_message(sent))
narrow = [{"operator": "channel", "operand": "judged"}, {"operator": "topic", "operand": "clients"}]
window = {"anchor": "newest", "num_before": 10, "num_after": 0}
told("get_messages", client.get_messages({**window, "narrow": narrow, "apply_markdown": False}))
told("get_messages in pairs", client.get_messages({**window, "narrow": [["stream", "judged"]]}))
told("get_messages search", client.get_messages({**window, "narrow": [["search", "burned"]]}))
told("update_message", client.update_message({"message_id": sent, "content": "It is *restored*."}))
next_event("get_events update_message")
told("get_message_history", client.get_message_history(sent))
told("render_message", client.render_message({"content": "a < b"}))
told("get_stream_topics", client.get_stream_topics(channel))

# A file: uploaded, linked to, downloaded, listed.
content = bytes(range(256)) * 64
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "evidence.bin")
    with open(path, "wb") as file:
        file.write(content)
    with open(path, "rb") as file:
        uploaded = told("upload_file", client.upload_file(file))
link = {**message, "content": f"[evidence.bin]({uploaded['url']})"}
linked = told("send_message link", client.send_message(link))["id"]
next_event("get_events link")
told("get_attachments", client.get_attachments())
address = told("upload address", client.call_endpoint(url=uploaded["url"].lstrip("/"), method="GET"))
downloaded = requests.get(site + address["url"], verify=authority, timeout=15)
told("download", {"status": downloaded.status_code, "same": downloaded.content == content})

# Gone again.
told("delete_message", client.delete_message(sent))
next_event("get_events delete_message")
told("get_raw_message deleted", client.get_raw_message(sent))
told("delete_message link", client.delete_message(linked))
told("remove_subscriptions", client.remove_subscriptions(["judged"]))
told("deregister", client.deregister(queue_id))

# What the real server refuses too.
told("get_events deregistered", client.get_events(queue_id=queue_id, last_event_id=last, dont_block=True))
told("send_message nowhere", client.send_message({**message, "to": "no such channel"}))
told("create_user", client.create_user({"email": "new@judge.test", "password": "of the judge", "full_name": "New"}))
stranger = zulip.Client(email=email, api_key="0" * 32, site=site, cert_bundle=authority, retry_on_errors=False)
told("get_profile wrong key", stranger.get_profile())
