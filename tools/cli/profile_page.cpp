#include "tools/cli/profile_page.h"

namespace llc::cli {

namespace {
constexpr const char *head = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>llc-model profile</title>
<style>
:root { color-scheme: light dark; --page:#fbfbfa; --ink:#1d2126; --soft:#5b6570; --line:#d9dde1; --panel:#ffffff; --idle:#dfe3e7;
  --low:#f3d9b8; --high:#4f8fc4; --roof:#1d2126; --dot:#3f7cb3; }
@media (prefers-color-scheme: dark) { :root { --page:#14171a; --ink:#e7eaed; --soft:#98a3ae; --line:#333a41; --panel:#1c2024;
  --idle:#2c3238; --low:#6b4a23; --high:#3d7fb8; --roof:#e7eaed; --dot:#6aa9dd; } }
* { box-sizing:border-box }
body { margin:0; padding:28px 32px 48px; background:var(--page); color:var(--ink); font:14px/1.45 system-ui,sans-serif }
main { max-width:1200px; margin:0 auto }
h1 { font-size:20px; margin:0 0 4px } h2 { font-size:15px; margin:28px 0 8px }
p { margin:0 0 8px; color:var(--soft) }
.panel { background:var(--panel); border:1px solid var(--line); border-radius:8px; padding:12px }
button { font:inherit; color:var(--ink); background:var(--panel); border:1px solid var(--line); border-radius:6px;
  padding:4px 14px; cursor:pointer }
button[aria-pressed=true] { background:var(--ink); color:var(--page); border-color:var(--ink) }
nav { display:flex; gap:8px; margin:16px 0 0 }
svg { display:block; width:100%; font:12px system-ui,sans-serif }
svg text { fill:var(--ink); pointer-events:none } svg .soft { fill:var(--soft) }
.cell { stroke:var(--panel); stroke-width:1; cursor:pointer } .cell:hover, .cell:focus { stroke:var(--ink); outline:none }
.tip { min-height:1.45em; margin:8px 0 0; color:var(--ink); font-variant-numeric:tabular-nums }
.legend { display:flex; flex-wrap:wrap; gap:16px; align-items:center; color:var(--soft); margin:0 0 8px }
.ramp { display:inline-block; width:120px; height:10px; border-radius:3px; background:linear-gradient(90deg,var(--low),var(--high)) }
.idle { display:inline-block; width:14px; height:10px; border-radius:3px; background:var(--idle) }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums }
th,td { text-align:right; padding:4px 8px; border-bottom:1px solid var(--line); white-space:nowrap }
th { color:var(--soft); font-weight:500 }
th:last-child,td:last-child { text-align:left; width:99%; white-space:normal; overflow-wrap:anywhere }
.wide { overflow-x:auto }
</style></head><body><main>
<h1 id="title"></h1><p id="about"></p><nav id="phases"></nav><p id="summary" style="margin-top:12px"></p>
<h2>Time by place</h2>
<div class="panel"><div class="legend"><span>share of the machine's limit: 0 % <span class="ramp"></span> 100 %</span>
<span><span class="idle"></span> no work of the model</span><span>click or Enter: zoom; the top row leads back</span></div>
<svg id="flame" role="img" aria-label="Flame graph of time by place of the model"></svg><p class="tip" id="tip"></p></div>
<h2>Roofline of the kernels</h2>
<div class="panel"><svg id="roofline" role="img" aria-label="Roofline plot"></svg><p class="tip" id="rooftip"></p></div>
<h2>Kernels</h2><div class="panel wide"><table id="kernels"></table></div>
</main>
<script type="application/json" id="data">)html";

constexpr const char *flame = R"html(</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const make = (tag, attributes, parent, text) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
};
const time = s => s >= 1 ? s.toFixed(3) + " s" : s >= 1e-3 ? (s * 1e3).toFixed(3) + " ms" : (s * 1e6).toFixed(2) + " \u00b5s";
const percent = x => (100 * x).toFixed(1) + " %";
const rate = (amount, seconds) => seconds > 0 ? amount / seconds * 1e-9 : 0;
let phase, root, focus;

// The model as a tree: places without their dots, "layers.3" as one step, ops as leaves.
const stepsOf = place => place.split(".").reduce((steps, part) => {
  if (/^\d+$/.test(part) && steps.length) steps[steps.length - 1] += "." + part; else steps.push(part);
  return steps;
}, []);
function addPath(tree, steps, row) {
  let node = tree;
  for (const name of [null, ...steps]) {
    if (name !== null) {
      let child = node.children.find(c => c.name === name && !c.idle);
      if (!child) node.children.push(child = {name, parent: node, children: [], seconds: 0, flops: 0, bytes: 0, bound: 0});
      node = child;
    }
    node.seconds += row.time_s; node.flops += row.flops; node.bytes += row.bytes; node.bound += row.time_s * row.roofline_share;
  }
}
function treeOf(phase) {
  const tree = {name: data.model, parent: null, children: [], seconds: 0, flops: 0, bytes: 0, bound: 0};
  for (const stage of phase.stages)  // in the order of execution
    for (const {place, op, share} of stage.parts) {
      const part = {...stage, time_s: share * stage.time_s, flops: share * stage.flops, bytes: share * stage.bytes};
      addPath(tree, [...stepsOf(place), op], part);
    }
  for (const [name, share] of [["waiting", phase.shares.waiting], ["between stages", phase.shares.between],
                               ["outside steps", phase.shares.outside]]) {
    const seconds = share * phase.wall_s;
    tree.children.push({name, parent: tree, children: [], seconds, flops: 0, bytes: 0, bound: 0, idle: true});
    tree.seconds += seconds;
  }
  return tree;
}
const depthOf = node => node.children.length ? 1 + Math.max(...node.children.map(depthOf)) : 1;
const pathOf = node => node.parent ? (node.parent.parent ? pathOf(node.parent) + "." : "") + node.name : node.name;
function tell(node) {
  const work = node.idle ? "" : `, ${rate(node.flops, node.seconds).toFixed(1)} GFLOP/s, ` +
    `${rate(node.bytes, node.seconds).toFixed(1)} GB/s, ` +
    `${percent(node.seconds ? node.bound / node.seconds : 0)} of the limit`;
  $("tip").textContent = `${pathOf(node)}: ${time(node.seconds / phase.calls)} a call, ${percent(node.seconds / root.seconds)}${work}`;
}
function color(node) {
  if (node.idle) return "var(--idle)";
  const share = Math.min(1, node.seconds ? node.bound / node.seconds : 0);
  return `color-mix(in oklab, var(--high) ${(100 * share).toFixed(0)}%, var(--low))`;
}
function drawFlame() {
  const svg = $("flame"), row = 24, width = Math.max(320, svg.clientWidth || 1000);
  svg.replaceChildren();
  const above = [];
  for (let node = focus.parent; node; node = node.parent) above.unshift(node);
  const height = (above.length + depthOf(focus)) * row;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`); svg.style.height = height + "px";
  const cell = (node, x, y, w) => {
    const box = make("rect", {x, y, width: Math.max(w, 0.5), height: row, rx: 3, class: "cell", fill: color(node), tabindex: 0}, svg);
    const zoom = () => { focus = node; drawFlame(); tell(node); };
    box.onclick = zoom;
    box.onkeydown = event => { if (event.key === "Enter") zoom(); };
    box.onmouseenter = box.onfocus = () => tell(node);
    const label = node.name + (w > 160 ? "  " + percent(node.seconds / root.seconds) : "");
    const fits = Math.floor((w - 10) / 6.6), number = node.name.match(/\.(\d+)$/);
    const short = number ? number[1] : label.slice(0, fits - 1) + "\u2026";  // of "layers.12" the number says more than the rest
    const text = label.length <= fits ? label : short;
    if (text.length <= Math.max(fits, 2) && fits >= (number ? text.length : 3)) make("text", {x: x + 6, y: y + 16}, svg, text);
  };
  above.forEach((node, i) => cell(node, 0, i * row, width));
  const place = (node, x, y, w) => {
    cell(node, x, y, w);
    for (const child of node.children) {
      const part = node.seconds ? w * child.seconds / node.seconds : 0;
      if (part >= 0.3) place(child, x, y + row, part);
      x += part;
    }
  };
  place(focus, 0, above.length * row, width);
}
)html";

constexpr const char *roofline = R"html(
const powers = (from, to) => { const list = []; for (let p = from; p <= to; p++) list.push(10 ** p); return list; };
const amount = x => x >= 1 ? String(x) : x.toFixed(Math.round(-Math.log10(x)));
function drawRoofline() {
  const svg = $("roofline"), width = Math.max(320, svg.clientWidth || 1000), height = 340, left = 64, right = 16, top = 16, bottom = 44;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`); svg.style.height = height + "px";
  const rows = phase.kernels.filter(r => r.flops > 0 && r.bytes > 0 && r.time_s > 0)
    .map(r => ({...r, x: r.flops / r.bytes, y: r.gflop_s, rank: phase.kernels.indexOf(r) + 1}));
  const peak = data.peak_gflop_s, band = data.read_bandwidth_gb_s, knee = peak / band;
  const span = values => [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const [x0, x1] = span([0.1, knee * 10, ...rows.map(r => r.x)]), [y0, y1] = span([peak, peak / 100, ...rows.map(r => r.y)]);
  const X = v => left + (Math.log10(v) - x0) / (x1 - x0) * (width - left - right);
  const Y = v => height - bottom - (Math.log10(v) - y0) / (y1 - y0) * (height - top - bottom);
  for (const v of powers(x0, x1)) {
    make("line", {x1: X(v), x2: X(v), y1: top, y2: height - bottom, stroke: "var(--line)"}, svg);
    make("text", {x: X(v), y: height - bottom + 16, "text-anchor": "middle", class: "soft"}, svg, amount(v));
  }
  for (const v of powers(y0, y1)) {
    make("line", {x1: left, x2: width - right, y1: Y(v), y2: Y(v), stroke: "var(--line)"}, svg);
    make("text", {x: left - 8, y: Y(v) + 4, "text-anchor": "end", class: "soft"}, svg, amount(v));
  }
  make("text", {x: (left + width) / 2, y: height - 8, "text-anchor": "middle", class: "soft"}, svg, "operations per byte");
  make("text", {x: 14, y: (top + height - bottom) / 2, "text-anchor": "middle", class: "soft",
                transform: `rotate(-90 14 ${(top + height - bottom) / 2})`}, svg, "GFLOP/s");
  const start = Math.max(10 ** x0, 10 ** y0 / band);
  make("polyline", {points: `${X(start)},${Y(start * band)} ${X(knee)},${Y(peak)} ${X(10 ** x1)},${Y(peak)}`, fill: "none",
                    stroke: "var(--roof)", "stroke-width": 2}, svg);
  make("text", {x: X(10 ** x1) - 4, y: Y(peak) - 8, "text-anchor": "end"}, svg, peak.toFixed(1) + " GFLOP/s");
  const slope = Math.atan2(Y(start * band) - Y(peak), X(knee) - X(start)) * -180 / Math.PI, mx = Math.sqrt(start * knee);
  make("text", {x: X(mx), y: Y(mx * band) - 8, "text-anchor": "middle", transform: `rotate(${slope} ${X(mx)} ${Y(mx * band) - 8})`},
       svg, band.toFixed(1) + " GB/s read");
  const say = r => `${r.rank} ${r.kernel} (${r.op}): ${percent(r.share)} of the time, ` +
    `${r.y.toFixed(2)} GFLOP/s, ${r.gb_s.toFixed(2)} GB/s, ${percent(r.roofline_share)} of the limit`;
  for (const r of rows) {
    const dot = make("circle", {cx: X(r.x), cy: Y(r.y), r: 4 + 18 * Math.sqrt(r.share), fill: "var(--dot)", "fill-opacity": 0.65,
                                stroke: "var(--panel)", class: "cell", tabindex: 0}, svg);
    dot.onmouseenter = dot.onfocus = () => { $("rooftip").textContent = say(r); };
  }
  labelDots(svg, rows, X, Y, width);
  $("rooftip").textContent = "Area of a dot: its share of the time. Dots above the line read from caches.";
}
// Names beside the larger dots, moved down until they cover no other and no dot.
function labelDots(svg, rows, X, Y, width) {
  const taken = rows.map(r => ({y: Y(r.y) + 4, half: 4 + 18 * Math.sqrt(r.share)}))
    .map((t, i) => ({...t, x: X(rows[i].x) - t.half, w: 2 * t.half, half: t.half + 7}));
  for (const r of rows.filter(r => r.share > 0.04)) {
    const text = `${r.rank} ${r.op.split("+").slice(0, 2).join("+")}`, w = text.length * 6.6, radius = 4 + 18 * Math.sqrt(r.share);
    const flip = X(r.x) + radius + w + 20 > width;
    const x = flip ? X(r.x) - radius - w - 4 : X(r.x) + radius + 4;
    let y = Y(r.y) + 4;
    while (taken.some(t => Math.abs(t.y - y) < t.half && x < t.x + t.w && t.x < x + w)) y += 7;
    taken.push({x, y, w, half: 14});
    make("text", {x, y}, svg, text);
  }
}
function drawKernels() {
  const table = $("kernels");
  table.replaceChildren();
  const line = (cells, tag) => {
    const tr = document.createElement("tr");
    for (const text of cells) tr.appendChild(document.createElement(tag)).textContent = text;
    table.appendChild(tr);
  };
  line(["#", "share", "time a call", "calls", "GFLOP/s", "GB/s", "of limit", "waiting", "kernel"], "th");
  for (const [i, r] of phase.kernels.entries())
    line([i + 1, percent(r.share), time(r.time_s / phase.calls), Math.round(r.calls / phase.calls), r.gflop_s.toFixed(2), r.gb_s.toFixed(2),
          percent(r.roofline_share), percent(r.wait_s / phase.wall_s), `${r.kernel} (${r.op})`], "td");
}
function show(name) {
  phase = data.phases.find(p => p.phase === name);
  root = focus = treeOf(phase);
  for (const button of $("phases").children) button.setAttribute("aria-pressed", button.textContent === name);
  const s = phase.shares;
  $("summary").textContent = `${time(phase.wall_s / phase.calls)} a call, ${phase.tok_s.toFixed(1)} tokens/s: ` +
    `computing ${percent(s.computing)}, waiting ${percent(s.waiting)}, ` +
    `between stages ${percent(s.between)}, outside steps ${percent(s.outside)}`;
  drawFlame(); drawRoofline(); drawKernels(); tell(root);
}
$("title").textContent = `${data.model}: where the time goes`;
$("about").textContent = `${data.level}, ${data.threads} thread${data.threads > 1 ? "s" : ""}, prompt of ${data.prompt_tokens} tokens, ` +
  `${data.gen_tokens} behind it, ${data.repeats} times; the machine gives ${data.peak_gflop_s.toFixed(1)} GFLOP/s and ` +
  `${data.read_bandwidth_gb_s.toFixed(1)} GB/s`;
for (const p of data.phases) {
  const button = document.createElement("button");
  button.textContent = p.phase;
  button.onclick = () => { location.hash = p.phase; show(p.phase); };
  $("phases").appendChild(button);
}
const wanted = location.hash.slice(1);
show(data.phases.some(p => p.phase === wanted) ? wanted : data.phases[0].phase);
addEventListener("resize", () => { drawFlame(); drawRoofline(); });
</script></body></html>
)html";

// JSON inside a script element: nothing in it may look like the element's end.
std::string escaped(const std::string &json) {
  std::string text;
  for (char c : json) text += c == '<' ? "\\u003c" : std::string(1, c);
  return text;
}
}  // namespace

std::string profilePage(const nlohmann::json &profile) { return head + escaped(profile.dump()) + flame + roofline; }

}  // namespace llc::cli
