#!/usr/bin/env python3
"""A stand-in for an instance of MISP: its REST API over events that are kept as PyMISP's own objects, and its ZeroMQ publication.

    misp_stand_in.py [event.json ...]

Listens on the loopback, prints `{"port": ..., "zmq": ...}`, and ends when its standard input is closed. Attributes are answered as MISP's
restSearch does (app/Model/MispAttribute.php, app/Lib/Export/{Json,Csv}Export.php); a filter that this does not know is an error, so that
a misspelt one is noticed (PyMISP names many, with 0). What happens to the events is said by `POST /control`, with a clock of its own: every command carries `now`.
"""

import json
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pymisp
import zmq

KEY = "k" * 40
FILTERS = {"returnFormat", "page", "limit", "order", "deleted", "includeEventTags", "includeContext", "includeDecayScore", "to_ids",
           "published", "timestamp", "attribute_timestamp", "event_timestamp", "publish_timestamp", "uuid", "requested_attributes",
           "headerless"}
REFUSED = "Authentication failed. Please make sure you pass the API key of an API enabled user along in the Authorization header."


class Row:
    """An attribute, with what PyMISP's object does not hold for a server."""

    def __init__(self, number, attribute, event, changed):
        self.number, self.attribute, self.event, self.changed = number, attribute, event, changed
        self.text = None

    def shown(self):
        self.text = self.text or self.attribute.to_json()
        return json.loads(self.text)


class Event:
    """An event without its attributes."""

    def __init__(self, event, changed, published_at):
        self.event, self.changed, self.published_at = event, changed, published_at
        self.published = published_at > 0
        self.shown = {name: value for name, value in json.loads(event.to_json()).items() if name not in ("Attribute", "Object")}


class Instance:
    def __init__(self, files):
        self.lock = threading.Lock()
        self.rows, self.events = [], {}
        self.numbers = iter(range(1, 1 << 40))
        self.sync = True
        self.faults = []
        for file in files:
            self.load(file)

    def load(self, file):
        with open(file, encoding="utf-8") as text:
            document = json.load(text, object_hook=without_what_is_not_asked_for)
        for one in document["response"] if isinstance(document, dict) and "response" in document else [document]:
            event = pymisp.MISPEvent()
            event.from_dict(**one["Event"])
            changed = seconds(event.timestamp)
            self.events[event.uuid] = Event(event, changed, changed)
            attributes = list(event.attributes) + [a for o in event.objects for a in o.attributes]
            for attribute in attributes:
                self.rows.append(Row(next(self.numbers), attribute, self.events[event.uuid], seconds(attribute.timestamp)))

    # What happens to events. Every change takes the event out of publication, as MISP does.

    def control(self, do, now, **what):
        return getattr(self, "do_" + do)(now, **what)

    def do_reset(self, now):
        """Everything is gone, as if it had been started without events."""
        self.rows, self.events, self.faults, self.sync = [], {}, [], True

    def do_republish(self, now):
        """All events are published as they are."""
        for event in self.events:
            self.do_publish(now, event)

    def do_event(self, now, event, info, tags=()):
        made = pymisp.MISPEvent()
        made.from_dict(uuid=event, info=info, date="2026-01-02", Orgc={"name": "CIRCL", "uuid": str(uuid.uuid4())})
        for tag in tags:
            made.add_tag(tag)
        self.events[event] = Event(made, now, 0)

    def do_add(self, now, event, attribute, type, value, to_ids=True, comment=""):
        made = pymisp.MISPAttribute()
        made.from_dict(uuid=attribute, type=type, value=value, to_ids=to_ids, comment=comment, category="Network activity")
        self.rows.append(Row(next(self.numbers), made, self.events[event], now))
        self.touch(self.rows[-1], now)

    def do_edit(self, now, attribute, **members):
        row = self.row(attribute)
        for name, value in members.items():
            setattr(row.attribute, name, value)
        self.touch(row, now)

    def do_delete(self, now, attribute):
        row = self.row(attribute)
        row.attribute.delete()
        self.touch(row, now)

    def do_vanish(self, now, attribute):
        """A hard delete, or a permission that is lost."""
        self.rows.remove(self.row(attribute))

    def do_publish(self, now, event):
        found = self.events[event]
        found.published, found.published_at = True, now
        publisher.send("misp_json", {"Event": {"uuid": event}, "action": "publish"})

    def do_withdraw(self, now, event):
        """Taken out of publication without a change: no time tells of it."""
        self.events[event].published = False

    def do_permit(self, now, sync):
        self.sync = sync

    def do_fault(self, now, kind, after=0, **what):
        """After so many further questions for attributes something goes wrong, once."""
        self.faults.append([after, kind, what])

    def touch(self, row, now):
        row.text = None
        row.changed = row.event.changed = now
        row.event.published = False
        publisher.send("misp_json_attribute", {"Attribute": {"uuid": str(row.attribute.uuid)}, "action": "edit"})

    def row(self, attribute):
        return next(row for row in self.rows if str(row.attribute.uuid) == attribute)

    # Questions.

    def fault(self):
        for fault in self.faults:
            fault[0] -= 1
        due = [fault for fault in self.faults if fault[0] < 0]
        self.faults = [fault for fault in self.faults if fault[0] >= 0]
        return due[0][1:] if due else (None, {})

    def search(self, question):
        unknown = {name for name, value in question.items() if value} - FILTERS
        if unknown:
            raise ValueError(f"the stand-in does not know {sorted(unknown)}")
        rows = [row for row in self.rows if self.meets(row, question)]
        if question.get("order", "").lower() == "attribute.id asc":
            rows.sort(key=lambda row: row.number)
        if question.get("limit"):
            begin = (int(question.get("page") or 1) - 1) * int(question["limit"])
            rows = rows[begin:begin + int(question["limit"])]
        return rows

    def meets(self, row, question):
        deleted = bool(getattr(row.attribute, "deleted", False))
        wanted = question.get("deleted") if self.sync else None
        if deleted not in [bool(one) for one in (wanted if isinstance(wanted, list) else [wanted or 0])]:
            return False
        times = {"timestamp": row.changed, "attribute_timestamp": row.changed, "event_timestamp": row.event.changed,
                 "publish_timestamp": row.event.published_at}
        if any(name in question and time < int(question[name]) for name, time in times.items()):
            return False
        flags = {"to_ids": bool(row.attribute.to_ids), "published": row.event.published}
        if any(name in question and flag != bool(int(question[name])) for name, flag in flags.items()):
            return False
        wanted = question.get("uuid")
        return not wanted or str(row.attribute.uuid) in (wanted if isinstance(wanted, list) else [wanted])

    def answer(self, question):
        rows = self.search(question)
        if question.get("returnFormat") == "csv":
            columns = question["requested_attributes"]
            head = [] if question.get("headerless") else [",".join(columns)]
            lines = [",".join(json.dumps(str(getattr(row.attribute, column))) for column in columns) for row in rows]
            return "\n".join(head + lines + ["", ""])
        return json.dumps({"response": {"Attribute": [self.shown(row, question) for row in rows]}})

    def shown(self, row, question):
        members = row.shown()
        members.update(id=str(row.number), timestamp=str(row.changed), deleted=bool(members.get("deleted")))
        event = row.event.shown
        kept = ("uuid", "info", "date", "Orgc", "distribution", "threat_level_id")
        members["Event"] = {name: event[name] for name in kept if name in event}
        if question.get("includeContext"):
            members["Event"].update(published=row.event.published, timestamp=str(row.event.changed),
                                    publish_timestamp=str(row.event.published_at), Tag=event.get("Tag", []))
        if question.get("includeEventTags"):
            members["EventTag"] = [{"Tag": dict(tag, inherited=True)} for tag in event.get("Tag", [])]
        return members


class Publisher:
    """The publication over ZeroMQ (app/files/scripts/mispzmq/mispzmq.py)."""

    def __init__(self):
        self.socket = zmq.Context.instance().socket(zmq.PUB)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")

    def send(self, topic, document):
        self.socket.send_string(f"{topic} {json.dumps(document)}")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # else the kernel waits between header and body

    def do_GET(self):
        if not self.is_known():
            return
        path = self.path.strip("/").removesuffix(".json").lower()
        role = {"id": "1", "name": "sync user", "perm_sync": instance.sync}
        known = {
            "servers/getversion": {"version": "2.5.34", "pymisp_recommended_version": "2.5.34", "perm_sync": instance.sync},
            "servers/getpymispversion": {"version": "2.5.34"},
            "users/view/me": {"User": {"id": "1", "email": "weir@example.com"}, "Role": role, "UserSetting": {}},
        }
        if path in known:
            self.reply(200, json.dumps(known[path]))
        else:
            self.reply(404, json.dumps({"name": "Not Found", "message": "Not Found", "url": self.path}))

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["content-length"])) or "{}")
        path = self.path.strip("/")
        if path == "control":
            with instance.lock:
                done = instance.control(**question)
            return self.reply(200, json.dumps(done))
        if not self.is_known():
            return
        if path != "attributes/restSearch":
            return self.reply(404, "{}")
        with instance.lock:
            kind, what = instance.fault()
            if kind == "vanish":
                answer = instance.answer(question)
                for attribute in what["attributes"]:
                    instance.rows.remove(instance.row(attribute))
            else:
                try:
                    answer = instance.answer(question)
                except ValueError as error:
                    return self.reply(400, json.dumps({"message": str(error)}))
        self.go_wrong(kind, what, answer)

    def go_wrong(self, kind, what, answer):
        if kind == "error":
            self.reply(500, json.dumps({"name": "An Internal Error Has Occurred.", "message": "An Internal Error Has Occurred."}))
        elif kind == "html":
            self.reply(200, "<!DOCTYPE html><title>Login</title>", "text/html")
        elif kind == "cut":
            self.reply(200, answer[:len(answer) // 2])
        elif kind == "slow":
            time.sleep(what["seconds"])
            self.reply(200, answer)
        else:
            self.reply(200, answer)

    def is_known(self):
        if self.headers.get("Authorization") == KEY:
            return True
        length = int(self.headers.get("content-length") or 0)
        if self.command == "POST" and not self.path.endswith("restSearch"):
            self.rfile.read(length)
        self.reply(403, json.dumps({"name": REFUSED, "message": REFUSED, "url": self.path}))
        return False

    def reply(self, status, text, kind="application/json"):
        body = text.encode()
        try:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            pass  # The one who asked got tired of waiting.

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass

    def log_message(self, *_):
        pass


def without_what_is_not_asked_for(members):
    return {name: value for name, value in members.items() if name not in ("Galaxy", "RelatedEvent", "RelatedAttribute")}


def seconds(timestamp):
    return int(timestamp.timestamp()) if hasattr(timestamp, "timestamp") else int(timestamp or 0)


if __name__ == "__main__":
    publisher = Publisher()
    instance = Instance(sys.argv[1:])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_port, "zmq": publisher.port}), flush=True)
    sys.stdin.read()
