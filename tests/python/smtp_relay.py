"""A mail relay for tests: STARTTLS and AUTH are wanted, and mails meet the misfortunes that the arguments list, one after the other.

Prints its port, then each mail that it took as a line of JSON.
"""
import asyncio
import json
import logging
import ssl
import sys
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult

port, certificate, key, password, misfortunes = sys.argv[1:6]
misfortunes = misfortunes.split(",")
logging.disable()


class Handler:
    def __init__(self):
        self.misfortune = None

    async def handle_MAIL(self, server, session, envelope, address, options):
        self.misfortune = misfortunes.pop(0) if misfortunes else None
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("unknown"):
            return "550 no such user"
        if self.misfortune == "451_rcpt":
            return "451 later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        attached = [part.get_content() for part in mail.iter_attachments()]
        if self.misfortune in ("451", "452", "421"):
            return f"{self.misfortune} later"
        if self.misfortune == "554" or (self.misfortune == "554_attached" and attached):
            return "554 not wanted"
        print(json.dumps({
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in mail.items()],
            "text": mail.get_body(("plain",)).get_content(),
            "events": [part.decode() if isinstance(part, bytes) else part for part in attached],
            "tls": session.ssl is not None,
            "user": bool(session.authenticated),
            "longest_line": max(len(line) for line in envelope.content.split(b"\r\n")),
        }), flush=True)
        if self.misfortune == "drop_after_data":
            server.transport.abort()
        return "250 taken"


class Relay(SMTP):
    async def smtp_DATA(self, arg):
        if self.event_handler.misfortune == "drop_in_data":
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"weir" and data.password == password.encode(), handled=False)


async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    handler = Handler()
    server = await asyncio.get_running_loop().create_server(
        lambda: Relay(handler, hostname="localhost", tls_context=context, require_starttls=True, auth_required=True,
                      authenticator=authenticate),
        "127.0.0.1", int(port))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
