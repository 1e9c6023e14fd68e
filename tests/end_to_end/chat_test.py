"""run --chat: conversations by a model's template, through pipes and on a terminal, with llc-model and with an executable."""
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import unittest

import support
from support import PROGRAM

TEMPLATE = ("{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}\n{% endfor %}"
            "{% if add_generation_prompt %}assistant:{% endif %}")


class Chat(support.Case):
    @classmethod
    def setUpClass(cls):
        """The built-in model with a template of its own."""
        cls.base = pathlib.Path(support.tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.base)
        cls.plain = cls.base / "plain"
        shutil.copytree(support.ROOT / "models/builtin/default", cls.plain)
        cls.model = cls.base / "chat"
        shutil.copytree(cls.plain, cls.model)
        (cls.model / "chat_template.jinja").write_text(TEMPLATE)

    def chat(self, text, *more, model=None, **options):
        out = self.good("run", model or self.model, "--chat", "--json", "--temp", 0, "-n", 8, "-q", *more, stdin=text, **options).out
        return [json.loads(line) for line in out.splitlines()]

    def once(self, prompt, *more):
        return self.json("run", self.plain, "-p", prompt, "--json", "--temp", 0, "-n", 8, "-q", *more)

    def test_turns_are_what_the_template_makes_of_them(self):
        first, second = self.chat("Tell me of a cat.\n\nAnd of\\\na dog?\n/exit\nnever read\n", "--system", "Be kind.")
        prompt = "system:Be kind.\nuser:Tell me of a cat.\nassistant:"
        self.assertEqual(first["text"], self.once(prompt)["text"])
        prompt += first["text"] + "\nuser:And of\na dog?\nassistant:"
        self.assertEqual(second["text"], self.once(prompt)["text"])
        # What was computed for the first answer is not computed again.
        self.assertGreaterEqual(second["kept_tokens"], first["prompt_tokens"])
        self.assertNotIn("kept_tokens", first)

    def test_beginning_anew(self):
        first, again, third = self.chat("Tell me of a cat.\n/clear\nTell me of a cat.\nMore.\n")
        self.assertEqual(first["ids"], again["ids"])
        self.assertGreater(third["prompt_tokens"], again["prompt_tokens"])

    def test_prompt_is_the_first_turn(self):
        (one,) = self.chat("not read\n", "-p", "Tell me of a cat.", "--single-turn")
        self.assertEqual(one["ids"], self.chat("Tell me of a cat.\n")[0]["ids"])
        self.assertEqual(len(self.chat("And a dog.\n", "-p", "Tell me of a cat.")), 2)
        shown = self.good("run", self.model, "--chat", "--temp", 0, "-n", 8, "-q", stdin="Tell me of a cat.\n")
        self.assertEqual((shown.out, shown.err), (one["text"] + "\n", ""))

    def test_oldest_turns_go_when_the_context_is_full(self):
        turns = ["Tell me of a cat and of a dog and of a bird, number %d." % i for i in range(8)]
        outcome = self.good("run", self.model, "--chat", "--json", "--temp", 0, "-n", 8, "-q", "--context", 96,
                            stdin="\n".join(turns) + "\n")
        answers = [json.loads(line) for line in outcome.out.splitlines()]
        self.assertEqual(len(answers), 8)
        self.assertTrue(all(answer["prompt_tokens"] < 96 for answer in answers))
        self.assertIn("forgotten", outcome.err)
        self.refused("run", self.model, "--chat", "--context", 16, stdin="a long turn " * 20, says=["the context holds"])

    def test_templates(self):
        self.refused("run", self.plain, "--chat", stdin="a\n", says=["no chat template", "--chat-template chatml"])
        (one,) = self.chat("Hi.\n", "--chat-template", "chatml", model=self.plain)
        (self.folder / "text.jsonl").write_text(json.dumps({"text": "<|im_start|>user\nHi.<|im_end|>\n<|im_start|>assistant\n"}) + "\n")
        ids = self.json("tokenize", self.plain, "--input", self.folder / "text.jsonl")["ids"]
        other = self.json("run", self.plain, "--ids", ",".join(map(str, ids)), "--json", "--temp", 0, "-n", 8, "-q", "--stop", "<|im_end|>")
        self.assertEqual(one["text"], other["text"])
        file = self.folder / "t.jinja"
        file.write_text(TEMPLATE)
        self.assertEqual(self.chat("Hi.\n", "--chat-template", file, model=self.plain)[0]["ids"], self.chat("Hi.\n")[0]["ids"])
        file.write_text("{{ raise_exception('not now') }}")
        self.refused("run", self.model, "--chat", "--chat-template", file, stdin="a\n", says=["not now"])
        self.refused("run", self.model, "--chat", "--chat-template", self.folder / "none", stdin="a\n", says=["none"])
        for arguments, says in ((("--system", "x", "-p", "a"), "--chat"), (("--chat", "--ids", "1"), "--ids"), ((), "--chat")):
            self.refused("run", self.model, *arguments, says=[says])

    def test_executables_talk_too(self):
        self.good("compile", self.model, "-o", self.folder / "talker", "-q")
        lines = "Tell me of a cat.\nAnd of a dog?\n"
        out = self.good("run", "--chat", "--json", "--temp", 0, "-n", 8, program=self.folder / "talker", stdin=lines).out
        self.assertEqual([json.loads(line)["ids"] for line in out.splitlines()], [one["ids"] for one in self.chat(lines)])

    def test_a_terminal(self):
        """It asks for turns, and Ctrl-C ends an answer, not the conversation."""
        parent, child = pty.openpty()
        process = subprocess.Popen([str(PROGRAM), "run", str(self.model), "--chat", "-n", "460", "--ignore-eos", "--temp", "0", "-q"],
                                   stdin=child, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(child)
        os.write(parent, b"Tell me of a cat.\n")
        self.assertTrue(process.stdout.read(1))
        process.send_signal(signal.SIGINT)
        os.write(parent, b"/exit\n")
        out, err = process.communicate(timeout=120)
        os.close(parent)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(err.decode().count("> "), 2)
        self.assertIn("/clear begins anew", err.decode())


if __name__ == "__main__":
    unittest.main()
