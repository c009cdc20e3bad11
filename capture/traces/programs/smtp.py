"""A mail server that throws everything away, on aiosmtpd, with STARTTLS, for record.sh.

    smtp.py CERTIFICATE             port 25; CERTIFICATE.pem and CERTIFICATE.key
"""

import asyncio
import ssl
import sys

from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP


async def main(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate + ".pem", certificate + ".key")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Sink(), hostname="mail.example", tls_context=context, loop=loop), None, 25
    )
    await server.serve_forever()


asyncio.run(main(sys.argv[1]))
