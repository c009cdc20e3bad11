"""A webhook receiver for tests: checks signatures, and posts meet the misfortunes that the arguments list, one after the other.

Prints its port, then each post that it took as a line of JSON.
"""
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET, misfortunes = sys.argv[2].encode(), sys.argv[3].split(",")


# As in docs/ALERTING.md.
def is_genuine(header, body, secret, tolerance=300):
    parts = dict(part.split("=", 1) for part in header.split(","))
    signed = parts["t"].encode() + b"." + body
    expected = hmac.new(secret, signed, hashlib.sha256).hexdigest()
    is_ours = hmac.compare_digest(expected, parts["v1"])
    return is_ours and abs(time.time() - int(parts["t"])) <= tolerance


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        misfortune = misfortunes.pop(0) if misfortunes else ""
        if misfortune == "drop":
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers["content-length"]))
        if misfortune.isdigit():
            self.answer(int(misfortune))
            return
        signature = self.headers["x-weir-signature"]
        print(json.dumps({
            "key": self.headers["idempotency-key"],
            "type": self.headers["content-type"],
            "body": json.loads(body),
            "genuine": is_genuine(signature, body, SECRET),
            "forged": is_genuine(signature, body + b" ", SECRET) or is_genuine(signature, body, SECRET, -1),
        }), flush=True)
        if misfortune == "drop_after":
            self.close_connection = True
            return
        self.answer(200)

    def answer(self, status):
        self.send_response(status)
        if status == 429:
            self.send_header("retry-after", "1")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
