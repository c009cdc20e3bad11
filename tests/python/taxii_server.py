"""medallion, the TAXII server of OASIS, on a free port of the loopback: taxii_server.py SEED.json PAGE_SIZE.

Prints the port. Ends when its standard input does, so that it never outlives the test that started it. The seed is as medallion's own
memory backend has it; `localhost:5000` in it becomes where it listens.
"""

import io
import os
import sys
import threading

from medallion import application_instance, register_blueprints, set_config
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


def main():
    seed, page_size = sys.argv[1], int(sys.argv[2])
    server = make_server("127.0.0.1", 0, application_instance, threaded=True, request_handler=Quiet)
    with open(seed, encoding="utf-8") as file:
        data = file.read().replace("localhost:5000", f"127.0.0.1:{server.port}")
    configuration = {
        "users": {"weir": "right"},
        "taxii": {"max_page_size": page_size},
        "backend": {
            "module": "medallion.backends.memory_backend",
            "module_class": "MemoryBackend",
            "filename": io.StringIO(data),
        },
    }
    for part in configuration:
        set_config(application_instance, part, configuration)
    register_blueprints(application_instance)
    print(server.port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
