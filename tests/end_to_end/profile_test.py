"""llc-model profile: times add up, every parameter's product is named, work is that of the shapes, all outputs are whole."""
import html.parser
import json
import unittest

import support
from support import TINY

PROMPT, GEN = 48, 6


class Page(html.parser.HTMLParser):
    """What a page loads from elsewhere, and its data."""

    def __init__(self, text):
        super().__init__()
        self.loaded, self.data, self.inside = [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.loaded += [value for name, value in attributes if name in ("src", "href")]
        self.inside = ("id", "data") in attributes

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.data += data


class Profiling(support.Case):
    @classmethod
    def setUpClass(cls):
        cls.profiles = {}

    def profile(self, threads):
        """Once per thread count: a profile of the default model, with its trace and page."""
        if threads not in self.profiles:
            trace, page = self.folder / "trace.json", self.folder / "page.html"
            found = self.json("profile", "default", "--prompt-tokens", PROMPT, "--gen-tokens", GEN, "--repeats", 2, "--threads", threads,
                              "--trace", trace, "--html", page, "--json", "-q")
            self.profiles[threads] = (found, json.loads(trace.read_text()), page.read_text())
        return self.profiles[threads]

    def test_times_add_up_to_the_wall_time(self):
        for threads in (1, 2):
            for phase in self.profile(threads)[0]["phases"]:
                self.assertAlmostEqual(sum(phase["shares"].values()), 1, delta=0.02)
                self.assertGreater(phase["coverage"], 0.8, phase["shares"])
                kernels = sum(row["time_s"] for row in phase["kernels"])
                for table in ("ops", "stages"):
                    self.assertAlmostEqual(sum(row["time_s"] for row in phase[table]), kernels, delta=1e-6 + 0.001 * kernels)
                self.assertAlmostEqual(kernels, phase["shares"]["computing"] * phase["wall_s"], delta=1e-6 + 0.001 * kernels)

    def test_every_products_parameter_appears_with_its_work(self):
        parameters = self.json("inspect", "default", "--params", "--json")["parameters"]
        matrices = {p["name"].split("#")[0]: p["shape"] for p in parameters if p["layout"] == "panel"}
        self.assertGreater(len(matrices), 30)
        for phase, rows in zip(self.profile(1)[0]["phases"], (PROMPT, 1)):
            products = {row["place"]: row for row in phase["ops"] if row["op"] == "linear"}
            for name, shape in matrices.items():
                place = name.removesuffix(".weight")
                # The embedding is the output head too; it is applied to the last row only.
                place, count = ("lm_head", 1) if place == "model.embed_tokens" else (place, rows)
                self.assertIn(place, products)
                # Fused stages divide their work by operations, so a product's part is exactly its own.
                expected = 2 * shape[0] * shape[1] * count * phase["calls"]
                self.assertAlmostEqual(products[place]["flops"], expected, delta=1e-6 * expected)

    def test_places_hold_what_is_below_them(self):
        for phase in self.profile(1)[0]["phases"]:
            places = {row["place"]: row["time_s"] for row in phase["places"]}
            layers = [places[f"model.layers.{i}"] for i in range(5)]
            self.assertAlmostEqual(sum(layers), places["model.layers"], delta=1e-6 + 0.001 * places["model.layers"])
            self.assertGreater(places["model.layers.3"], places["model.layers.3.self_attn"])

    def test_trace_has_events_of_every_thread(self):
        events = self.profile(2)[1]["traceEvents"]
        names = {event["args"]["name"] for event in events if event["name"] == "thread_name"}
        self.assertEqual(names, {"thread 0", "thread 1", "steps"})
        spans = [event for event in events if event["ph"] == "X"]
        self.assertEqual(sum(event["cat"] == "step" for event in spans), 1 + GEN)
        self.assertEqual({event["tid"] for event in spans}, {0, 1, 2})
        # Events of one thread follow each other.
        for thread in (0, 1):
            mine = sorted((event["ts"], event["dur"]) for event in spans if event["tid"] == thread)
            for (begin, length), (following, _) in zip(mine, mine[1:]):
                self.assertLessEqual(begin + length, following + 0.002)

    def test_page_needs_nothing_else(self):
        found, _, text = self.profile(2)
        page = Page(text)
        self.assertEqual(page.loaded, [])
        self.assertEqual(json.loads(page.data), found)

    def test_tables_name_kernels_places_and_coverage(self):
        out = self.good("profile", TINY, "--prompt-tokens", 8, "--gen-tokens", 2, "--threads", 1, "--repeats", 1, "--all").out
        for text in ("prefill", "decode", "matmul", "self_attn.q_proj", "computing", "outside steps"):
            self.assertIn(text, out)

    def test_refusals(self):
        library = self.folder / "m.so"
        self.good("compile", TINY, "--format", "so", "-o", library, "--target-cpu", "generic")
        self.refused("profile", library, says=["profiling", "directory"])
        self.refused("profile", TINY, "--gen-tokens", 10**6, says=["longer than the context"])
        self.refused("profile", TINY, "--code-cache", "none", says=["--code-cache"])
        self.refused("profile", TINY, "--repeats", 0, says=["--repeats: expected a whole number from 1"])
        page = self.folder / "page.html"
        self.refused("profile", TINY, "--html", page, "--trace", page, says=["--html", "two files"])
        for flag in ("--html", "--trace"):  # before anything is measured
            outcome = support.run("profile", TINY, flag, self.folder / "none/x")
            self.assertEqual(outcome.code, 2)
            self.assertNotIn("measuring", outcome.err)
        self.assertFalse(page.exists())


if __name__ == "__main__":
    support.main()
