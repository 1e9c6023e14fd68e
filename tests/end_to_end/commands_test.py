"""Each command once, on small models: results on stdout, the rest on stderr, JSON where it is offered."""
import json
import os
import pathlib
import subprocess
import unittest

import support
from support import ROOT, TINY

BENCH_KEYS = ["prefill_tok_s", "decode_tok_s", "bytes_per_token", "decode_bandwidth_share", "prefill_flop_share", "peak_rss_gb",
              "compile_s", "start_s"]


class Running(support.Case):
    def test_run_streams_text_of_the_default_model(self):
        outcome = self.good("run", "-p", "Once upon a time", "-n", 20, "-q")
        self.assertGreater(len(outcome.out.split()), 5)
        self.assertEqual(outcome.err, "")

    def test_same_seed_same_text(self):
        texts = {self.good("run", "-p", "The dog", "-n", 12, "--temp", 1, "--seed", 5).out for _ in range(2)}
        self.assertEqual(len(texts), 1)

    def test_generate_gives_exactly_n_ids(self):
        found = self.json("generate", TINY, "--ids", "1,2,3", "--max-tokens", 9, "--temperature", 0, "--ignore-eos", "--json")
        self.assertEqual(len(found["ids"]), 9)

    def test_sharded_checkpoint_is_the_same_model(self):
        support.shard(TINY, self.folder / "sharded", 3)
        flags = ["--ids", "1,2,3", "--max-tokens", 9, "--temperature", 0, "--ignore-eos", "--log-probs", "--json"]
        whole, sharded = self.json("generate", TINY, *flags), self.json("generate", self.folder / "sharded", *flags)
        self.assertEqual([sharded[key] for key in ("ids", "log_probs")], [whole[key] for key in ("ids", "log_probs")])
        (self.folder / "sharded/model-00002-of-00003.safetensors").unlink()
        self.refused("generate", self.folder / "sharded", *flags, says=["model-00002-of-00003.safetensors"])

    def test_generate_text_is_that_of_its_ids(self):
        found = self.json("generate", "default", "--prompt", "One day", "--max-tokens", 12, "--temperature", 0, "--json")
        ids = ",".join(map(str, found["ids"]))
        decoded = self.json("tokenize", "default", "--decode", "--skip-special", "-p", ids)
        self.assertEqual(found["text"].strip(), decoded["text"].strip())

    def test_stop_text_is_not_shown(self):
        whole = self.json("generate", "-p", "Once upon a time", "-n", 60, "--temp", 0, "--json")["text"]
        word = whole.split()[5]
        cut = self.json("generate", "-p", "Once upon a time", "-n", 60, "--temp", 0, "--stop", word, "--json")
        self.assertEqual((cut["text"], cut["finish_reason"]), (whole[:whole.index(word)], "stop"))

    def test_instruction_set_levels_agree(self):
        level = self.json("doctor", "--json")["cpu"]["level"]
        levels = ["generic", "avx2", "avx512"]
        usable = levels[:levels.index(level) + 1] if level in levels else levels
        texts = set()
        for name in usable:
            texts.add(self.good("run", "-p", "The little", "-n", 30, "--temp", 0, environment={"LLC_ISA": name}).out)
        self.assertEqual(len(texts), 1, texts)

    def test_threads_agree(self):
        texts = {self.good("run", "-p", "A cat", "-n", 30, "--temp", 0, "-t", threads).out for threads in (1, 2, 3)}
        self.assertEqual(len(texts), 1, texts)

    def test_threads_agree_in_every_bit_of_long_contexts(self):
        # Two and more threads read the context in parts, which are merged; one thread reads it in one go.
        found = [self.json("generate", "-p", "A cat", "-n", 400, "--temp", 0, "--ignore-eos", "--log-probs", "--json", "-t", threads)
                 for threads in (1, 2, 5)]
        self.assertEqual(len(found[0]["log_probs"]), 400)
        for other in found[1:]:
            self.assertEqual(other["log_probs"], found[0]["log_probs"])

    def test_cache_type_halves_the_cache_and_keeps_the_text_close(self):
        def element(*flags):
            return self.json("inspect", *flags, "--json")["caches"][0]["element"]

        for name in ("f32", "f16", "bf16"):
            self.assertEqual(element("--cache-dtype", name), name)
        self.assertEqual((element(), element("--dtype", "f32")), ("f16", "f32"), "the type of the weights decides")
        for name, tolerance in (("f16", 0.01), ("bf16", 0.1)):
            common = ["generate", "-p", "Once upon a time", "-n", 8, "--temp", 0, "--log-probs", "--json", "--cache-dtype"]
            expected, found = self.json(*common, "f32"), self.json(*common, name)
            self.assertEqual(found["ids"], expected["ids"])
            self.assertNotEqual(found["log_probs"], expected["log_probs"])
            for a, b in zip(found["log_probs"], expected["log_probs"]):
                self.assertAlmostEqual(a, b, delta=tolerance)

    def test_run_and_bench_say_how_many_threads_and_why(self):
        self.assertIn("2 threads: asked for with --threads", self.good("run", "-p", "A cat", "-n", 2, "-t", 2).err)
        self.assertRegex(self.good("run", "-p", "A cat", "-n", 2).err, r"\d+ threads?: .*(reads|CPUs)")

    def test_bench_keys(self):
        found = self.json("bench", TINY, "--prompt-tokens", 8, "--gen-tokens", 4, "--threads", 1, "--repeats", 1, "--json")
        self.assertEqual([key for key in BENCH_KEYS if key not in found], [])
        self.assertGreater(found["decode_tok_s"], 0)
        self.assertIn("decode_bandwidth_share", self.good("bench", "--help").out)

    def test_score_shows_text(self):
        lines = self.good("score", "-p", "Once upon a time").out.splitlines()
        pieces = [json.loads(line.split(None, 2)[2]) for line in lines[:-1]]
        self.assertTrue("Once upon a time".endswith("".join(pieces)), pieces)

    def test_bench_of_several_sequences(self):
        arguments = ["--prompt-tokens", 8, "--gen-tokens", 4, "--threads", 1, "--repeats", 1, "--json"]
        one, four = self.json("bench", TINY, *arguments), self.json("bench", TINY, "--sequences", 4, *arguments)
        self.assertEqual((one["sequences"], four["sequences"]), (1, 4))
        # Weights are read once for all of them.
        self.assertLess(four["bytes_per_token"], one["bytes_per_token"])
        self.assertGreater(four["decode_tok_s"], 0)
        self.refused("bench", TINY, "--sequences", 0, says=["--sequences"])

    def test_inspect_counts_work(self):
        work = self.json("inspect", TINY, "--work", "--json", "-q")["work"]
        self.assertGreater(work["prefill"]["flops"], work["decode"]["flops"])
        self.assertEqual(work["prefill"]["stages"], work["decode"]["stages"])
        self.assertIn("barriers", self.good("inspect", TINY, "--work", "-q").out)


class Caches(support.Case):
    def setUp(self):
        super().setUp()
        self.environment = {"XDG_CACHE_HOME": str(self.folder)}

    def start(self, *flags):
        return self.good("generate", TINY, "--ids", "1,2,3", "-n", 5, "--temp", 0, *flags, environment=self.environment).out

    def entries(self):
        return {str(path.relative_to(self.folder)): path.stat().st_ino for path in self.folder.rglob("*") if path.is_file()}

    def test_the_second_start_compiles_and_packs_nothing(self):
        first = self.start()
        entries = self.entries()
        self.assertEqual(sorted(pathlib.PurePath(name).parts[1] for name in entries), ["code", "weights"])
        self.assertEqual(self.start(), first)
        self.assertEqual(self.start("--preload"), first)
        self.assertEqual(self.entries(), entries)  # a miss would have replaced the file

    def test_none_keeps_nothing(self):
        self.start("--code-cache", "none", "--weight-cache", "none")
        self.assertEqual(self.entries(), {})

    def test_list_and_clear(self):
        self.start()
        listed = self.json("cache", "--json", environment=self.environment)
        self.assertEqual({one["kind"]: one["entries"] for one in listed}, {"code": 1, "weights": 1, "tuning": 0})
        seen = self.json("doctor", "--json", environment=self.environment)["caches"]
        self.assertEqual([one["bytes"] for one in seen], [one["bytes"] for one in listed])
        self.good("cache", "clear", "weights", environment=self.environment)
        self.assertEqual([pathlib.PurePath(name).parts[1] for name in self.entries()], ["code"])
        self.good("cache", "clear", environment=self.environment)
        self.assertEqual(self.entries(), {})

    def test_folders_that_can_not_be_used_are_refused_or_told(self):
        file = self.folder / "file"
        file.write_text("")
        for flag in ("--code-cache", "--weight-cache", "--tuning-cache"):
            self.refused("generate", TINY, "--ids", 1, flag, file, says=[flag, "can't be made a directory"])
        told = self.good("doctor", environment={"XDG_CACHE_HOME": str(file)}).out
        self.assertIn(f"{file}/llc-model/code, which can't be written", told)
        told = self.good("doctor", environment={"XDG_CACHE_HOME": "relative", "HOME": ""}).out
        self.assertEqual(told.count("no folder: neither XDG_CACHE_HOME nor HOME"), 3)

    def test_clearing_says_what_stays(self):
        # A superuser may write everywhere.
        command = [*(["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []), support.PROGRAM]
        if subprocess.run([*command, "--version"], capture_output=True, check=False).returncode:
            self.skipTest("another user can't run the program")
        self.start()
        for place in (self.folder, *self.folder.rglob("*")):
            place.chmod(0o555 if place.is_dir() else 0o444)
        done = subprocess.run([*command, "cache", "clear"], capture_output=True, text=True, check=False,
                              env={**os.environ, **self.environment})
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("1 entry can't be removed; to fix:", done.stderr)
        self.assertEqual(len(self.entries()), 2)
        for place in (self.folder, *self.folder.rglob("*")):
            place.chmod(0o755)

    def test_what_tune_finds_is_used_and_goes_into_artifacts(self):
        found = self.json("tune", TINY, "--seconds", 5, "--json", environment=self.environment)
        self.assertTrue(pathlib.Path(found["file"]).is_file())
        # Tiny models gain nothing for sure, so the result is written by hand here.
        kept = json.loads(pathlib.Path(found["file"]).read_text())
        kept["tuning"] = "stream_panels=8:tile_rows=2"
        before = self.start("--tuning-cache", "none")
        compiled = len(list((self.folder / "llc-model/code").iterdir()))
        pathlib.Path(found["file"]).write_text(json.dumps(kept))
        self.assertEqual(self.start(), before)
        self.assertEqual(len(list((self.folder / "llc-model/code").iterdir())), compiled + 1)
        artifact = self.folder / "tuned.so"
        self.good("compile", TINY, "-o", artifact, "--format", "so", "--target-cpu", "native:tile_rows=2", environment=self.environment)
        self.assertIn("tile_rows=2", json.dumps(self.json("inspect", artifact, "--json")["versions"]))

    def test_a_search_begins_with_what_was_found_and_says_what_it_found(self):
        told = self.good("compile", TINY, "-o", self.folder / "x.so", "--format", "so", "--target-cpu", "native", "--tune=1",
                         environment=self.environment).err
        self.assertIn("tuning: ", told)
        told = self.good("tune", TINY, "--seconds", 0, "--tuning-cache", "none", environment=self.environment).out
        self.assertIn("kept in   no folder", told)

    def test_tune_needs_code_for_this_machine(self):
        level = self.json("doctor", "--json")["cpu"]["used_level"]
        other = "avx512" if level != "avx512" else "avx2"
        self.refused("compile", TINY, "-o", self.folder / "x", "--tune=1", "--target-cpu", other, says=["--tune"])
        self.refused("compile", TINY, "-o", self.folder / "x", "--target-cpu", "native:tile_row=2", says=["tile_rows"])


class Tokenizing(support.Case):
    TEXTS = ["Once upon a time", "", "  two  blanks ", "ünïcödé 🙂", "line\nbreak"]

    def test_lines(self):
        lines = self.folder / "cases.jsonl"
        lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in self.TEXTS))
        ids = [json.loads(line)["ids"] for line in self.good("tokenize", "default", "--input", lines).out.splitlines()]
        self.assertEqual(len(ids), len(self.TEXTS))
        self.assertEqual(ids[1], [])
        back = "".join(json.dumps({"ids": row}) + "\n" for row in ids)
        texts = [json.loads(line)["text"] for line in self.good("tokenize", "--decode", stdin=back).out.splitlines()]
        self.assertEqual(texts[0].strip(), self.TEXTS[0])

    def test_special_tokens_only_when_asked(self):
        plain = self.json("tokenize", "-p", "time")["ids"]
        special = self.json("tokenize", "-p", "time", "--add-special")["ids"]
        self.assertIn(plain, (special, special[1:], special[:-1], special[1:-1]))


class Logits(support.Case):
    def logits(self, ids, *options, mask=None):
        tensors = {"input_ids": ("I64", [len(ids), len(ids[0])], sum(ids, []))}
        if mask:
            tensors["attention_mask"] = ("I64", [len(ids), len(ids[0])], sum(mask, []))
        support.write_safetensors(self.folder / "in", tensors)
        self.good("logits", TINY, "--input", self.folder / "in", "--output", self.folder / "out", *options)
        return support.read_safetensors(self.folder / "out")["logits"]

    def test_engines_agree(self):
        ids = [[5, 6, 7, 8, 9]]
        compiled, plain = self.logits(ids), self.logits(ids, "--engine", "reference")
        self.assertEqual(compiled[0], plain[0])
        largest = max(map(abs, plain[1]))
        self.assertLess(max(abs(a - b) for a, b in zip(compiled[1], plain[1])), 1e-5 * largest)

    def test_padding_is_not_fed(self):
        alone = self.logits([[5, 6, 7]])
        padded = self.logits([[0, 0, 5, 6, 7], [5, 6, 7, 0, 0]], mask=[[0, 0, 1, 1, 1], [1, 1, 1, 0, 0]])
        width = padded[0][2]
        rows = [list(padded[1][i * width:(i + 1) * width]) for i in range(10)]
        expected = [list(alone[1][i * width:(i + 1) * width]) for i in range(3)]
        zero = [0.0] * width
        self.assertEqual(rows, [zero, zero, *expected, *expected, zero, zero])


class Telling(support.Case):
    def test_fusion_is_explained(self):
        notes = self.json("compile", TINY, "--explain-fusion", "--json")["fusion"]
        self.assertTrue(all(note["reason"] and note["producer"]["name"] and note["reader"]["name"] for note in notes))
        pairs = {(n["function"], n["producer"]["op"], n["reader"]["op"]): n for n in notes}
        rotation = pairs["layer", "add", "rotary"]  # the products have biases
        self.assertTrue(rotation["fused"])
        self.assertGreater(rotation["bytes_saved"], 0)
        attention = pairs["layer", "cache_append", "paged_attention"]
        self.assertFalse(attention["fused"])
        self.assertIn("cache", attention["reason"])
        norm = pairs["layer", "rms_norm", "linear"]
        self.assertFalse(norm["fused"])
        self.assertIn("fused ", self.good("compile", TINY, "--explain-fusion").out)
        self.refused("compile", TINY, "--explain-fusion", "--stop-after", "traced", says=["--explain-fusion"])
        self.refused("compile", TINY, "--explain-fusion", "--stop-after", "fused", says=["-o FILE"])

    def test_inspect(self):
        found = self.json("inspect", TINY, "--memory", "--kernels", "--ops", "--params", "--json")
        self.assertEqual(found["memory"]["total"],
                         sum(found["memory"][part] for part in ("arena", "scratch", "caches", "results")))
        for section in ("kernels", "ops", "parameters"):
            self.assertGreater(len(found[section]), 3, section)
        stages = [row for row in found["kernels"] if row["kernel"]]
        self.assertGreater(len(stages), 5)
        self.assertTrue(all(row["op"] != "use" for row in stages))
        steps = {(step["entry"], step["tokens"]): step["bytes"] for step in found["copied"]}
        most = max(tokens for _, tokens in steps)
        self.assertEqual(steps["step", 1], 0)  # a single row is read where it lies
        copies = [copy for row in stages for copy in row["copies"]]
        self.assertEqual(any(copy["row_bytes"] or copy["block_bytes"] for copy in copies), steps["step", most] > 0)
        text = self.good("inspect", TINY, "--kernels").out
        self.assertIn(f"step, {most} tokens: ", text)
        self.assertEqual(text.split("\n\n")[0].count("\n"), len(stages) + sum(row["op"].startswith("call ") for row in found["kernels"]))
        dense = self.json("inspect", TINY, "--training", "--kernels", "--json")
        self.assertGreater(sum(step["bytes"] for step in dense["copied"]), 0)  # attention copies blocks
        self.assertIn("keys and values", {copy["what"] for row in dense["kernels"] for copy in row["copies"]})
        self.assertIn("layers", self.good("inspect", TINY).out)
        layers = json.loads((TINY / "config.json").read_text())["num_hidden_layers"]
        self.assertIn(f"{layers} layers", self.good("inspect", TINY, "--training").out)
        # Rows come in pairs, and are as long as those of a run.
        usual = self.json("inspect", TINY, "--training", "--trainer", "dpo", "--memory", "--json")["memory"]
        longest = json.loads((TINY / "config.json").read_text())["max_position_embeddings"]
        self.assertEqual(usual, self.json("inspect", TINY, "--training", "--trainer", "dpo", "--memory", "--json", "--block-size",
                                          min(512, longest))["memory"])
        self.assertGreater(usual["arena"], self.json("inspect", TINY, "--training", "--memory", "--json")["memory"]["arena"])
        self.assertEqual(self.json("inspect", TINY, "--explain-fusion", "--json")["fusion"],
                         self.json("compile", TINY, "--explain-fusion", "--json")["fusion"])
        self.assertIn("arena", self.good("inspect", TINY, "--memory").out)

    def test_verify(self):
        found = self.json("verify", TINY, "--json")
        self.assertEqual([check["phase"] for check in found["checks"]],
                         ["differentiated", "sharded", "quantized", "fused", "scheduled", "object"])
        self.assertTrue(all(check["same"] for check in found["checks"]))

    def test_doctor(self):
        found = self.json("doctor", "--json")
        self.assertGreaterEqual(found["threads"]["used"], 1)
        self.assertIn("default", found["models"])

    def test_version_lists_what_is_linked(self):
        found = self.json("--version", "--json")
        parts = {part["name"]: part for part in found["components"]}
        for name in ("LLVM", "MLIR", "LLD", "CLI11"):
            self.assertTrue(parts[name]["version"] and parts[name]["license"])
        self.assertTrue(any(name.startswith("libLLVM") for name in found["shared_objects"]))

    def test_help_has_groups_and_defaults(self):
        text = self.good("run", "--help").out
        for part in ("Sampling", "--max-tokens INT:NONNEGATIVE=128", "as the model suggests"):
            self.assertIn(part, text)

    def test_completion_and_manual_know_every_command(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.good("completion", shell).out
            self.assertIn("tokenize", script)
            self.assertIn("top-k", script)
        subprocess.run(["bash", "-n"], input=self.good("completion", "bash").out, text=True, check=True)
        self.assertIn("\\-\\-max\\-tokens", self.good("man", "run").out)
        # Commands inside commands, by either name.
        self.assertIn("\\-\\-max\\-length", self.good("man", "data-prepare").out)
        self.assertEqual(self.good("man", "data prepare").out, self.good("man", "data-prepare").out)
        self.assertIn("llc\\-model\\-data\\-prepare", self.good("man", "data").out)

    def test_bash_completes_commands_inside_commands(self):
        def completed(*words):
            words = " ".join(f"'{word}'" for word in ("llc-model", *words))
            script = self.good("completion", "bash").out + f"COMP_WORDS=({words})\n"
            script += "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_llc_model\necho ${COMPREPLY[@]}\n"
            return subprocess.run(["bash"], input=script, text=True, capture_output=True, check=True).stdout.split()
        self.assertEqual(completed("tokeni"), ["tokenize", "tokenizer"])
        self.assertEqual(completed("data", "pre"), ["prepare"])
        self.assertEqual(completed("data", "prepare", "--max-l"), ["--max-length"])
        self.assertEqual(completed("run", "x", "--top-"), ["--top-k", "--top-p"])


class Documentation(support.Case):
    def test_the_page_of_commands_is_fresh(self):
        page = (ROOT / "docs/generated/commands.md").read_text()
        self.assertEqual(page, self.good("man", "--markdown").out, "run: tools/generate/command_docs")

    def test_commands_of_the_readme_exist(self):
        """Every llc-model command that README.md and the guides to data and training show is one, with flags that it has."""
        checked = 0
        pages = ("README.md", "docs/guides/data.md", "docs/guides/training.md")
        text = "".join((ROOT / page).read_text() for page in pages)
        for line in text.splitlines():
            words = line.split("#")[0].split()
            if not words or not words[0].endswith("llc-model") or len(words) < 2 or words[1].startswith("-"):
                continue
            inner = words[1] in ("data", "tokenizer") or words[1:3] == ["bench", "train"]
            manual = support.run("man", "-".join(words[1:3]) if inner else words[1])
            self.assertEqual(manual.code, 0, line)
            for word in words[2:]:
                if word.startswith("--"):
                    self.assertIn(word.split("=")[0].replace("-", "\\-"), manual.out, line)
            checked += 1
        self.assertGreater(checked, 5)


if __name__ == "__main__":
    support.main()
