#include "runtime/train/alerts.h"

#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>

#include "runtime/base/json_read.h"

extern char **environ;

namespace llc::train {

namespace {
constexpr std::string_view operators[] = {">", ">=", "<", "<=", "==", "!=", "finite"};
constexpr const char *place = "logging.alerts";

Error badRule(const std::string &what, const std::string &remedy) {
  return diagnose(ErrorKind::invalidInput, place).says(what).toFix(remedy);
}

Status checkNames(const Record &rule) {
  const std::vector<std::string> known = {"metric", "op", "threshold", "steps", "stop", "command"};
  for (const auto &[name, value] : rule.items()) {
    if (name == "webhook")
      return badRule("webhook: nothing is sent from here", "use command, for instance curl -d \"$LLC_ALERT\" URL");
    if (std::ranges::find(known, name) == known.end())
      return badRule("a rule has no '" + name + "'", fmt::format("use {}", fmt::join(known, ", ")));
  }
  return success();
}

Result<AlertRule> parseRule(const Record &json) {
  LLC_TRY(checkNames(json));
  Json plain(json);
  LLC_ASSIGN(JsonObject object, JsonObject::of(plain, place));
  AlertRule rule;
  LLC_ASSIGN(rule.metric, object.text("metric"));
  LLC_ASSIGN(rule.op, object.text("op", ">"));
  if (std::ranges::find(operators, rule.op) == std::end(operators))
    return badRule("there is no op '" + rule.op + "'", fmt::format("use one of {}", fmt::join(operators, " ")));
  bool compares = rule.op != "finite";
  if (compares != object.has("threshold"))
    return badRule("rule of " + rule.metric + ": " + (compares ? "no threshold" : "finite compares with nothing"),
                   compares ? "give a number to compare with" : "leave out the threshold");
  if (compares) {
    LLC_ASSIGN(rule.threshold, object.number("threshold"));
  }
  LLC_ASSIGN(rule.steps, object.integer("steps", 1, INT32_MAX, 1));
  LLC_ASSIGN(rule.stop, object.boolean("stop", false));
  LLC_ASSIGN(rule.command, object.text("command", ""));
  return rule;
}

bool holds(const AlertRule &rule, double value) {
  if (rule.op == "finite") return !std::isfinite(value);
  if (rule.op == ">") return value > rule.threshold;
  if (rule.op == ">=") return value >= rule.threshold;
  if (rule.op == "<") return value < rule.threshold;
  if (rule.op == "<=") return value <= rule.threshold;
  return (value == rule.threshold) == (rule.op == "==");
}

std::string textOf(const AlertRule &rule, const Record &record) {
  std::string text = fmt::format("{} is {}", rule.metric, record[rule.metric].dump());
  if (rule.op != "finite") text += fmt::format(", {} {:g}", rule.op, rule.threshold);
  if (rule.steps > 1) text += fmt::format(" for {} steps", rule.steps);
  return text + (rule.stop ? "; training stops" : "");
}

// Its exit status; -1: it could not be run, or was killed.
int runCommand(const std::string &command, const std::string &alert) {
  std::string variable = "LLC_ALERT=" + alert, shell = "sh", option = "-c", text = command;
  std::vector<char *> variables{variable.data()};
  for (char **one = environ; *one; ++one) variables.push_back(*one);
  variables.push_back(nullptr);
  char *arguments[] = {shell.data(), option.data(), text.data(), nullptr};
  pid_t child = 0;
  if (posix_spawn(&child, "/bin/sh", nullptr, nullptr, arguments, variables.data()) != 0) return -1;
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
}  // namespace

Result<std::vector<AlertRule>> parseAlertRules(const Record &list) {
  std::vector<AlertRule> rules;
  for (const Record &item : list) {
    LLC_ASSIGN(AlertRule rule, parseRule(item));
    rules.push_back(std::move(rule));
  }
  return rules;
}

AlertSink::AlertSink(std::vector<AlertRule> rules, std::vector<RecordSink *> sinks) : sinks_(std::move(sinks)) {
  for (AlertRule &rule : rules) watches_.push_back({.rule = std::move(rule)});
}

bool AlertSink::fires(Watch &watch, const Record &record) {
  auto found = record.find(watch.rule.metric);
  if (found == record.end() || !(found->is_number() || found->is_null())) return false;
  watch.seen = true;
  int64_t step = record.value("step", int64_t(0));
  // What is not finite is written as null.
  if (!holds(watch.rule, found->is_null() ? std::nan("") : found->get<double>())) {
    watch.clearAt = step;
    watch.said = false;
    return false;
  }
  if (watch.said || step - watch.clearAt < watch.rule.steps) return false;
  return watch.said = true;
}

void AlertSink::replay(const std::vector<Record> &records) {
  for (const Record &record : records)
    for (Watch &watch : watches_) fires(watch, record);
}

Status AlertSink::write(const Record &record) {
  for (Watch &watch : watches_)
    if (fires(watch, record)) LLC_TRY(say(watch.rule, record));
  return success();
}

Status AlertSink::tell(const Record &record) {
  for (RecordSink *sink : sinks_) LLC_TRY(sink->write(record));
  return success();
}

Status AlertSink::say(const AlertRule &rule, const Record &record) {
  Record alert = {{"event", "alert"},
                  {"step", record.value("step", int64_t(0))},
                  {"metric", rule.metric},
                  {"value", record[rule.metric]},
                  {"message", "alert: " + textOf(rule, record)}};
  LLC_TRY(tell(alert));
  stop_ |= rule.stop;
  if (rule.command.empty()) return success();
  int status = runCommand(rule.command, alert.dump(-1, ' ', false, Record::error_handler_t::replace));
  if (status == 0) return success();
  return tell({{"event", "warning"},
               {"step", alert["step"]},
               {"message", fmt::format("the command of an alert ended with status {}: {}", status, rule.command)}});
}

Status AlertSink::finish(RunEnd) {
  for (const Watch &watch : watches_)
    if (!watch.seen)
      LLC_TRY(tell(
          {{"event", "warning"},
           {"step", 0},
           {"message", "logging.alerts: no record had " + watch.rule.metric + "; metrics.jsonl shows what there is"}}));
  return success();
}

}  // namespace llc::train
