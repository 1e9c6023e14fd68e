#include "runtime/train/trackers.h"

#include <algorithm>
#include <filesystem>

#include "runtime/base/sha256.h"
#include "runtime/train/mlflow.h"
#include "runtime/train/tensorboard.h"
#include "runtime/train/wandb.h"

namespace llc::train {

namespace {
template <class Sink>
Result<std::unique_ptr<RecordSink>> opened(Result<std::unique_ptr<Sink>> sink) {
  if (!sink) return std::move(sink.error());
  return std::unique_ptr<RecordSink>(std::move(*sink));
}

Result<std::unique_ptr<RecordSink>> open(const std::string &name, const TrackedRun &run) {
  if (name == "tensorboard") return opened(TensorBoardFile::create(run.directory + "/tensorboard", run.step));
  if (name == "mlflow") return opened(MlflowRun::create(run));
  if (name == "wandb") return opened(WandbFile::create(run));
  return diagnose(ErrorKind::internal, "logging.trackers")
      .says("there is no tracker '" + name + "'")
      .toFix("report this");
}

void addParameters(const OrderedJson &json, const std::string &prefix,
                   std::vector<std::pair<std::string, std::string>> &to) {
  for (const auto &[name, value] : json.items()) {
    if (value.is_object())
      addParameters(value, prefix + name + ".", to);
    else if (!value.is_null())
      to.emplace_back(prefix + name, value.is_string() ? value.get<std::string>() : value.dump());
  }
}
}  // namespace

Result<std::vector<std::unique_ptr<RecordSink>>> openTrackers(const std::vector<std::string> &names,
                                                              const TrackedRun &run) {
  std::vector<std::unique_ptr<RecordSink>> sinks;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == "jsonl" ||
        std::find(names.begin(), names.begin() + int64_t(i), names[i]) != names.begin() + int64_t(i))
      continue;
    LLC_ASSIGN(std::unique_ptr<RecordSink> sink, open(names[i], run));
    sinks.push_back(std::move(sink));
  }
  return sinks;
}

std::string runIdOf(const TrackedRun &run, size_t digits) {
  std::error_code error;
  return sha256OfText("run " + std::filesystem::weakly_canonical(run.directory, error).string()).substr(0, digits);
}

std::vector<std::pair<std::string, std::string>> parametersOf(const OrderedJson &config) {
  std::vector<std::pair<std::string, std::string>> parameters;
  addParameters(config, "", parameters);
  return parameters;
}

}  // namespace llc::train
