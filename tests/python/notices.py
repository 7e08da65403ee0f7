"""Receivers of notices: an HTTPS server that verifies webhooks by the reference implementation of
Standard Webhooks, and a mail server that asks for STARTTLS and a password.

In: a folder; the file `secret` in it, once there is one. Out: `ca.pem`, `ready.json` with the ports,
and a line of `events.jsonl` for each delivery. Never: an accepted webhook whose signature is wrong, or
one that is not refused once: the first attempt of each id is answered 500.
"""

import json
import os
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

FOLDER = Path(sys.argv[1])
USER, PASSWORD = b"skysieve", b"a password"
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
LOCK = threading.Lock()
SEEN = set()


def note(event):
    with LOCK, open(FOLDER / "events.jsonl", "a") as file:
        file.write(json.dumps(event) + "\n")


def verified(webhook, body, headers):
    try:
        webhook.verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name: self.headers[name] for name in HEADERS}
        webhook = Webhook((FOLDER / "secret").read_text())
        first = headers["webhook-id"] not in SEEN
        SEEN.add(headers["webhook-id"])
        note({
            "what": "webhook",
            "id": headers["webhook-id"],
            "status": 500 if first else 204,
            "verified": verified(webhook, body.decode(), headers),
            "forged": verified(webhook, body.decode() + " ", headers),
            "body": json.loads(body),
        })
        self.send_response(500 if first else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        note({
            "what": "mail",
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "encrypted": session.ssl is not None,
            "authenticated": session.authenticated,
            "text": envelope.content.decode(),
        })
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (USER, PASSWORD)
    return AuthResult(success=right, handled=False)


def main():
    authority = trustme.CA()
    authority.cert_pem.write_to_path(FOLDER / "ca.pem")
    certificate = authority.issue_cert("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    http.socket = context.wrap_socket(http.socket, server_side=True)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    smtp = Controller(
        Mailbox(), hostname="127.0.0.1", port=int(sys.argv[2]), tls_context=context,
        require_starttls=True, authenticator=authenticate, auth_required=True,
    )
    smtp.start()
    ports = {"https": http.server_address[1], "smtp": int(sys.argv[2])}
    (FOLDER / "ready.new").write_text(json.dumps(ports))
    os.rename(FOLDER / "ready.new", FOLDER / "ready.json")
    threading.Event().wait()


main()
