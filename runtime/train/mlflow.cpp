#include "runtime/train/mlflow.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/base/output_file.h"
#include "runtime/base/sha256.h"

namespace llc::train {

namespace {
namespace fs = std::filesystem;

int64_t millisecondsNow() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// Names of parameters become names of files; a configuration may hold any.
bool isPlain(const std::string &name) {
  auto fits = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-' || c == '.'; };
  return !name.starts_with('.') && name.size() <= 250 && std::all_of(name.begin(), name.end(), fits);
}

// 'it''s'
std::string quoted(const std::string &text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("''") : c == '\n' ? std::string(" ") : std::string(1, c);
  return out + "'";
}

std::string fileUri(const fs::path &path) {
  std::error_code error;
  std::string out = "file://";
  for (char c : fs::weakly_canonical(path, error).string()) {
    bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || std::string_view("/._-~").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", uint8_t(c));
  }
  return out;
}

// The same for the same name, so that runs which begin at once agree on it.
std::string experimentId(const std::string &name) {
  uint64_t number = 0;
  std::string hex = sha256OfText("experiment " + name);
  std::from_chars(hex.data(), hex.data() + 14, number, 16);
  return std::to_string(100'000'000'000'000'000u + number % 900'000'000'000'000'000u);
}

Status writeExperiment(const fs::path &folder, const std::string &id, const std::string &name) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (fs::exists(folder / "meta.yaml", error)) return success();
  return writeFile(
      (folder / "meta.yaml").string(),
      fmt::format("artifact_location: {}\ncreation_time: {}\nexperiment_id: {}\nlast_update_time: {}\n"
                  "lifecycle_stage: active\nname: {}\n",
                  quoted(fileUri(folder)), millisecondsNow(), quoted(id), millisecondsNow(), quoted(name)));
}

// When the run began, if it began already.
std::optional<int64_t> startIn(const fs::path &meta) {
  std::ifstream file(meta);
  constexpr std::string_view key = "start_time: ";
  int64_t start = 0;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key) &&
        std::from_chars(line.data() + key.size(), line.data() + line.size(), start).ec == std::errc())
      return start;
  return {};
}

// Lines are "milliseconds value step".
Status keepUpTo(const fs::path &metric, int64_t step) {
  std::ifstream file(metric);
  std::string kept;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string time, value;
    int64_t at = 0;
    if (words >> time >> value >> at && at <= step) kept += line + "\n";
  }
  return writeFile(metric.string(), kept);
}

Status takeBack(const fs::path &metrics, int64_t step) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto &entry : fs::recursive_directory_iterator(metrics, error))
    if (entry.is_regular_file(error)) files.push_back(entry.path());
  for (const fs::path &file : files) LLC_TRY(keepUpTo(file, step));
  return success();
}
}  // namespace

Result<std::unique_ptr<MlflowRun>> MlflowRun::create(const TrackedRun &run) {
  std::unique_ptr<MlflowRun> made(new MlflowRun);
  std::string experiment = "llc-model " + run.verb;
  made->experiment_ = experimentId(experiment);
  made->id_ = runIdOf(run, 32);
  made->name_ = fs::path(run.directory).filename().string();
  fs::path home = fs::path(run.parent) / "mlruns" / made->experiment_, folder = home / made->id_;
  made->folder_ = folder.string();
  LLC_TRY(writeExperiment(home, made->experiment_, experiment));
  std::error_code error;
  made->start_ = startIn(folder / "meta.yaml").value_or(millisecondsNow());
  if (run.step == 0) fs::remove_all(folder, error), made->start_ = millisecondsNow();
  for (const char *part : {"metrics", "params", "tags", "artifacts"}) fs::create_directories(folder / part, error);
  LLC_TRY(takeBack(folder / "metrics", run.step));
  for (const auto &[name, value] : parametersOf(run.config))
    if (isPlain(name))
      LLC_TRY(writeFile((folder / "params" / name).string(), value.substr(0, 6000)));  // MLflow's limit
  LLC_TRY(writeFile((folder / "tags/mlflow.runName").string(), made->name_));
  LLC_TRY(writeFile((folder / "tags/mlflow.source.name").string(), "llc-model " + run.verb));
  LLC_TRY(made->writeMeta(State::running));
  return made;
}

Status MlflowRun::writeMeta(State state) const {
  std::string end = state == State::running ? "null" : std::to_string(millisecondsNow());
  return writeFile(
      folder_ + "/meta.yaml",
      fmt::format("artifact_uri: {}\nend_time: {}\nentry_point_name: ''\nexperiment_id: {}\n"
                  "lifecycle_stage: active\nrun_id: {}\nrun_name: {}\nrun_uuid: {}\nsource_name: ''\n"
                  "source_type: 4\nsource_version: ''\nstart_time: {}\nstatus: {}\ntags: []\nuser_id: ''\n",
                  quoted(fileUri(folder_ + "/artifacts")), end, quoted(experiment_), quoted(id_), quoted(name_),
                  quoted(id_), start_, int(state)));
}

Status MlflowRun::write(const Record &record) {
  int64_t time = millisecondsNow();
  for (const auto &[name, value] : numbersOf(record)) {
    fs::path path = fs::path(folder_) / "metrics" / name;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    std::ofstream file(path, std::ios::app);
    file << fmt::format("{} {} {}\n", time, value, record["step"].get<int64_t>()) << std::flush;
    if (!file)
      return diagnose(ErrorKind::resource, path.string())
          .says("can't be written")
          .toFix("free space, or train without the mlflow tracker");
  }
  return success();
}

Status MlflowRun::finish(RunEnd end) {
  return writeMeta(end == RunEnd::finished      ? State::finished
                   : end == RunEnd::interrupted ? State::killed
                                                : State::failed);
}

}  // namespace llc::train
