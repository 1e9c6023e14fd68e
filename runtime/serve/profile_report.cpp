// Profiles for people and programs.
#include <map>
#include <set>

#include "runtime/base/memory.h"
#include "runtime/serve/profile.h"

namespace llc {

namespace {
void add(StageTotal &sum, const StageTotal &stage, double share = 1) {
  sum.calls += stage.calls, sum.chunks += stage.chunks;
  sum.seconds += share * stage.seconds, sum.waitSeconds += share * stage.waitSeconds;
  sum.flops += share * stage.flops, sum.bytes += share * stage.bytes, sum.bound += share * stage.bound;
}

std::string opsOf(const StageSpec &stage) {
  std::string text;
  for (const StagePart &part : stage.parts) text += (text.empty() ? "" : "+") + part.op;
  return text;
}

// How a stage's time is divided among its ops: by their operations, at the phase's mean batch. Ops without arithmetic
// get nothing, unless the whole stage has none.
std::vector<double> partShares(const StageSpec &stage) {
  std::vector<double> shares;
  double sum = 0;
  for (const StagePart &part : stage.parts) {
    shares.push_back(part.flops.of(1, 1));
    sum += shares.back();
  }
  for (double &share : shares) share = sum > 0 ? share / sum : 1 / double(shares.size());
  return shares;
}

std::string placeOf(const StageSpec &stage, const StagePart &part) {
  return part.place.empty() ? stage.entry : part.place;
}

using Key = std::pair<std::string, std::string>;
std::vector<ProfileRow> sorted(std::map<Key, ProfileRow> rows) {
  std::vector<ProfileRow> list;
  for (auto &[key, row] : rows) list.push_back(std::move(row));
  std::stable_sort(list.begin(), list.end(), [](auto &a, auto &b) { return a.total.seconds > b.total.seconds; });
  return list;
}
}  // namespace

std::vector<ProfileRow> rowsByKernel(const Profile &profile, const PhaseTotal &phase) {
  std::map<Key, ProfileRow> rows;
  for (size_t i = 0; i < phase.stages.size(); ++i) {
    if (!phase.stages[i].calls) continue;
    const StageSpec &stage = profile.stages[i];
    ProfileRow &row = rows[{stage.kernel, opsOf(stage)}];
    row.kernel = stage.kernel, row.op = opsOf(stage);
    add(row.total, phase.stages[i]);
  }
  return sorted(std::move(rows));
}

std::vector<ProfileRow> rowsByOp(const Profile &profile, const PhaseTotal &phase) {
  std::map<Key, ProfileRow> rows;
  for (size_t i = 0; i < phase.stages.size(); ++i) {
    if (!phase.stages[i].calls) continue;
    const StageSpec &stage = profile.stages[i];
    std::vector<double> shares = partShares(stage);
    for (size_t p = 0; p < stage.parts.size(); ++p) {
      std::string place = placeOf(stage, stage.parts[p]);
      ProfileRow &row = rows[{place, stage.parts[p].op}];
      row.place = place, row.op = stage.parts[p].op, row.kernel = stage.kernel;
      add(row.total, phase.stages[i], shares[p]);
    }
  }
  return sorted(std::move(rows));
}

std::vector<ProfileRow> rowsByPlace(const Profile &profile, const PhaseTotal &phase) {
  std::map<Key, ProfileRow> rows;
  for (const ProfileRow &leaf : rowsByOp(profile, phase))
    for (size_t end = 0; end != std::string::npos;) {
      end = leaf.place.find('.', end + 1);
      std::string place = leaf.place.substr(0, end);
      ProfileRow &row = rows[{place, ""}];
      row.place = place;
      add(row.total, leaf.total);
    }
  return sorted(std::move(rows));
}

// ---- JSON
namespace {
using nlohmann::json;

double per(double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; }

json toJson(const ProfileRow &row, const PhaseTotal &phase) {
  const StageTotal &t = row.total;
  json out = {{"calls", t.calls},
              {"time_s", t.seconds},
              {"share", per(t.seconds, phase.wallSeconds)},
              {"wait_s", t.waitSeconds},
              {"flops", t.flops},
              {"bytes", t.bytes},
              {"gflop_s", per(t.flops, t.seconds) * 1e-9},
              {"gb_s", per(t.bytes, t.seconds) * 1e-9},
              {"roofline_share", per(t.bound, t.seconds)}};
  if (!row.place.empty()) out["place"] = row.place;
  if (!row.op.empty()) out["op"] = row.op;
  if (!row.kernel.empty()) out["kernel"] = row.kernel;
  return out;
}

json toJson(const std::vector<ProfileRow> &rows, const PhaseTotal &phase) {
  json list = json::array();
  for (const ProfileRow &row : rows) list.push_back(toJson(row, phase));
  return list;
}

// Every stage by itself, with the arithmetic of its parts.
json stagesOf(const Profile &profile, const PhaseTotal &phase) {
  json list = json::array();
  for (size_t i = 0; i < phase.stages.size(); ++i) {
    if (!phase.stages[i].calls) continue;
    const StageSpec &stage = profile.stages[i];
    json row = toJson(ProfileRow{"", opsOf(stage), stage.kernel, phase.stages[i]}, phase);
    row["stage"] = i, row["chunks"] = phase.stages[i].chunks;
    std::vector<double> shares = partShares(stage);
    for (size_t p = 0; p < stage.parts.size(); ++p)
      row["parts"].push_back(
          {{"place", placeOf(stage, stage.parts[p])}, {"op", stage.parts[p].op}, {"share", shares[p]}});
    list.push_back(std::move(row));
  }
  return list;
}

json toJson(const Profile &profile, const PhaseTotal &phase) {
  Shares shares = sharesOf(phase);
  json threads = json::array();
  for (const ThreadTotal &t : phase.threads)
    threads.push_back({{"busy_s", t.busy},
                       {"barriers_s", t.barriers},
                       {"start_s", t.start},
                       {"end_s", t.end},
                       {"between_s", t.between}});
  return {{"phase", phase.name},
          {"calls", phase.calls},
          {"steps", phase.steps},
          {"tokens", phase.tokens},
          {"wall_s", phase.wallSeconds},
          {"steps_s", phase.stepSeconds},
          {"tok_s", per(double(phase.tokens), phase.wallSeconds)},
          {"shares",
           {{"computing", shares.computing},
            {"waiting", shares.waiting},
            {"between", shares.between},
            {"outside", shares.outside}}},
          {"coverage", shares.explained()},
          {"threads", threads},
          {"kernels", toJson(rowsByKernel(profile, phase), phase)},
          {"ops", toJson(rowsByOp(profile, phase), phase)},
          {"places", toJson(rowsByPlace(profile, phase), phase)},
          {"stages", stagesOf(profile, phase)}};
}
}  // namespace

json toJson(const Profile &p) {
  json phases = json::array();
  for (const PhaseTotal &phase : p.phases) phases.push_back(toJson(p, phase));
  return {{"model", p.model},
          {"level", p.level},
          {"threads", p.threads},
          {"prompt_tokens", p.promptTokens},
          {"gen_tokens", p.genTokens},
          {"repeats", p.repeats},
          {"peak_gflop_s", p.peakFlops * 1e-9},
          {"read_bandwidth_gb_s", p.readBandwidth * 1e-9},
          {"phases", phases}};
}

// ---- text
namespace {
std::string timeText(double seconds) {
  return seconds >= 1      ? fmt::format("{:.3f} s ", seconds)
         : seconds >= 1e-3 ? fmt::format("{:.3f} ms", seconds * 1e3)
                           : fmt::format("{:.2f} us", seconds * 1e6);
}

std::string tableOf(const std::vector<ProfileRow> &rows, const PhaseTotal &phase, const char *title, bool all) {
  std::string text = fmt::format("{:>6} {:>11} {:>7} {:>9} {:>8} {:>6} {:>6}  {}\n", "share", "time", "calls",
                                 "GFLOP/s", "GB/s", "roof", "wait", title);
  StageTotal left;
  int64_t hidden = 0;
  double calls = double(std::max<int64_t>(1, phase.calls));
  auto line = [&](const StageTotal &t, const std::string &name) {
    text += fmt::format("{:5.1f}% {:>11} {:>7} {:>9.2f} {:>8.2f} {:>5.0f}% {:>5.1f}%  {}\n",
                        100 * per(t.seconds, phase.wallSeconds), timeText(t.seconds / calls),
                        t.calls / std::max<int64_t>(1, phase.calls), per(t.flops, t.seconds) * 1e-9,
                        per(t.bytes, t.seconds) * 1e-9, 100 * per(t.bound, t.seconds),
                        100 * per(t.waitSeconds, phase.wallSeconds), name);
  };
  for (const ProfileRow &row : rows) {
    if (!all && row.total.seconds < 0.005 * phase.wallSeconds) {
      add(left, row.total), ++hidden;
      continue;
    }
    std::string name = row.place;
    if (!row.op.empty()) name += (name.empty() ? "" : "  ") + row.op;
    if (row.place.empty()) name = row.kernel + "  " + row.op;
    line(row.total, name);
  }
  if (hidden) line(left, fmt::format("{} more, see --all", hidden));
  return text;
}

// Without places that hold nothing but their own ops: those have rows already.
std::vector<ProfileRow> innerPlaces(std::vector<ProfileRow> rows) {
  std::set<std::string> inner;
  for (const ProfileRow &row : rows)
    if (size_t dot = row.place.rfind('.'); dot != std::string::npos) inner.insert(row.place.substr(0, dot));
  std::erase_if(rows, [&](const ProfileRow &row) { return !inner.contains(row.place); });
  return rows;
}

std::string sharesText(const PhaseTotal &phase) {
  Shares s = sharesOf(phase);
  std::string text =
      fmt::format("computing {:.1f} %, waiting {:.1f} %, between stages {:.1f} %, outside steps {:.1f} %\n",
                  100 * s.computing, 100 * s.waiting, 100 * s.between, 100 * s.outside);
  if (s.explained() < 0.95)
    text += fmt::format("{:.1f} % of the wall time is neither computing nor waiting: {}\n", 100 * (1 - s.explained()),
                        s.between > s.outside ? "claiming chunks and writing the profile itself, more than half of it"
                                              : "preparing and starting steps, more than half of it");
  for (size_t t = 0; t < phase.threads.size() && phase.threads.size() > 1; ++t) {
    const ThreadTotal &thread = phase.threads[t];
    auto share = [&](double seconds) { return 100 * per(seconds, phase.wallSeconds); };
    text += fmt::format(
        "thread {:3}: computing {:.1f} %, at barriers {:.1f} %, before its first work {:.1f} %, after its last {:.1f} "
        "%\n",
        t, share(thread.busy), share(thread.barriers), share(thread.start), share(thread.end));
  }
  return text;
}

std::string describe(const Profile &profile, const PhaseTotal &phase, bool all) {
  double calls = double(std::max<int64_t>(1, phase.calls));
  std::string text =
      fmt::format("{}: {} a call, {}, {} each, {:.1f} tok/s\n", phase.name,
                  counted(phase.tokens / std::max<int64_t>(1, phase.calls), "token"), counted(phase.calls, "call"),
                  timeText(phase.wallSeconds / calls), per(double(phase.tokens), phase.wallSeconds));
  text += sharesText(phase) + "\n";
  text += tableOf(rowsByKernel(profile, phase), phase, "kernel, ops", all) + "\n";
  text += tableOf(rowsByOp(profile, phase), phase, "place, op", all) + "\n";
  return text + tableOf(innerPlaces(rowsByPlace(profile, phase)), phase, "everything in", all) + "\n";
}
}  // namespace

std::string describe(const Profile &p, bool all) {
  std::string text = fmt::format(
      "{}, {}, {}; this machine: {:.1f} GFLOP/s, {:.1f} GB/s read\n"
      "share: of wall time; time, calls: per call; roof: of the least time that arithmetic and memory allow, above 100 "
      "% from "
      "caches\n\n",
      p.model, p.level, counted(p.threads, "thread"), p.peakFlops * 1e-9, p.readBandwidth * 1e-9);
  for (const PhaseTotal &phase : p.phases) text += describe(p, phase, all);
  return text;
}

// ---- trace
std::string chromeTrace(const Profile &p) {
  std::string text = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n";
  auto track = [&](int64_t number, const std::string &name) {
    text += fmt::format(R"({{"ph":"M","pid":1,"tid":{},"name":"thread_name","args":{{"name":"{}"}}}},)", number, name) +
            "\n";
  };
  for (int64_t t = 0; t < p.threads; ++t) track(t, fmt::format("thread {}", t));
  track(p.threads, "steps");
  auto nameOf = [&](const StageSpec &stage) { return placeOf(stage, stage.parts.front()) + " " + opsOf(stage); };
  for (const TimedEvent &event : p.events) {
    bool step = event.stage == stepEvent, waits = !step && event.stage < 0;
    std::string name =
        step ? fmt::format("{} tokens", event.chunks) : nameOf(p.stages[size_t(waits ? ~event.stage : event.stage)]);
    json arguments = step    ? json{{"tokens", event.chunks}}
                     : waits ? json{{"behind", name}}
                             : json{{"kernel", p.stages[size_t(event.stage)].kernel}, {"chunks", event.chunks}};
    text += fmt::format(R"({{"ph":"X","pid":1,"tid":{},"ts":{:.3f},"dur":{:.3f},"cat":"{}","name":{},"args":{}}},)",
                        event.thread, event.begin * 1e6, (event.end - event.begin) * 1e6,
                        step    ? "step"
                        : waits ? "wait"
                                : "stage",
                        json(waits ? "wait" : name).dump(), arguments.dump()) +
            "\n";
  }
  return text +
         fmt::format(R"({{"ph":"M","pid":1,"name":"process_name","args":{{"name":{}}}}}]}})", json(p.model).dump()) +
         "\n";
}

}  // namespace llc
