"""The language server as an editor uses it: over its standard input and output."""
import json
import pathlib
import subprocess
import unittest

import support

SERVER = pathlib.Path(support.PROGRAM).parent / "llc-lsp"
URI = "file:///model.mlir"


class Server:
    def __init__(self):
        self.process = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def send(self, method, parameters, **more):
        text = json.dumps({"jsonrpc": "2.0", "method": method, "params": parameters, **more}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(text) + text)
        self.process.stdin.flush()

    def receive(self):
        length = 0
        while (line := self.process.stdout.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length))


@unittest.skipUnless(SERVER.exists(), "llc-lsp is not built")
class LanguageServer(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.process.wait, 20)
        self.addCleanup(self.server.process.stdout.close)
        self.addCleanup(self.server.process.stdin.close)  # the first of these to run: the server ends
        self.server.send("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, id=1)
        self.assertTrue(self.server.receive()["result"]["capabilities"]["hoverProvider"])
        self.server.send("initialized", {})

    def diagnostics(self, text):
        self.server.send("textDocument/didOpen",
                         {"textDocument": {"uri": URI, "languageId": "mlir", "version": 1, "text": text}})
        message = self.server.receive()
        self.assertEqual((message["method"], message["params"]["uri"]), ("textDocument/publishDiagnostics", URI))
        return message["params"]["diagnostics"]

    def test_what_is_right_gets_no_diagnostic(self):
        self.assertEqual(self.diagnostics(
            "func.func @f(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {\n"
            "  %y = llm.silu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>\n"
            "  return %y : tensor<?x8xf32>\n}\n"), [])

    def test_an_error_is_shown_where_it_is(self):
        found, *_ = self.diagnostics(
            "func.func @f(%x: tensor<?x8xf32>, %w: tensor<4x9xf32>) -> tensor<?x4xf32> {\n"
            "  %y = llm.linear %x, %w : (tensor<?x8xf32>, tensor<4x9xf32>) -> tensor<?x4xf32>\n"
            "  return %y : tensor<?x4xf32>\n}\n")
        self.assertEqual(found["range"]["start"]["line"], 1)
        self.assertIn("k is 8 in an earlier operand and 9 in operand 1; to fix: ", found["message"])


if __name__ == "__main__":
    support.main()
