"""A server on the loopback interface that misbehaves on request: what test_fetch.c downloads from. Prints its port first."""

import http.server
import io
import sys
import tarfile

CONTENT = bytes(range(256)) * 40


def archive(names):
    """A gzip-compressed tar in which each of the names has the content."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = len(CONTENT)
            tar.addfile(entry, io.BytesIO(CONTENT))
    return packed.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.split("?")[0].rsplit("/", 1)[-1]
        if name == "missing":
            self.send_error(404)
        elif name == "moved":
            self.send_response(302)
            self.send_header("Location", "/good")
            self.end_headers()
        elif name == "elsewhere":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            self.end_headers()
        elif name == "cut":
            self.answer(CONTENT[:5000], len(CONTENT))
        elif name == "endless":
            self.answer_without_length(CONTENT * 100)
        elif name.endswith(".tar.gz"):  # whole.tar.gz, torn.tar.gz, poor.tar.gz
            packed = archive(["in/readme", "in/a", "../escaped"] + ["in/b"] * (name != "poor.tar.gz"))
            packed = packed[:-60] if name == "torn.tar.gz" else packed
            self.answer(packed, len(packed))
        elif name == "other":
            self.answer(CONTENT[::-1], len(CONTENT))
        else:
            self.answer(CONTENT, len(CONTENT))

    def answer(self, content, announced):
        self.send_response(200)
        self.send_header("Content-Length", str(announced))
        self.end_headers()
        self.wfile.write(content)

    def answer_without_length(self, content):
        self.send_response(200)
        self.end_headers()
        try:
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit(0)
