#include "compiler/tuning/store.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "compiler/jit/cache_folder.h"
#include "compiler/memory/rounding.h"
#include "dialect/ops/llm.h"
#include "runtime/base/mapped_file.h"
#include "runtime/base/output_file.h"
#include "runtime/base/sha256.h"

namespace llc::compiler {

std::string tuningFile(mlir::ModuleOp traced, const Target &target, const std::string &directory) {
  std::string folder = cacheFolder(directory, tuningCache);
  if (folder.empty()) return "";
  std::set<std::string> shapes;
  for (auto parameter : traced.getOps<llm::ParameterOp>()) {
    std::string text;
    llvm::raw_string_ostream(text) << parameter.getType();
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(parameter.getType());
    if (type && type.getRank() > 1) shapes.insert(text);
  }
  std::string key = fmt::format("{} {}\n{}\n{}\n", hostCpu().vendor, hostCpu().model, target.name, LLC_VERSION);
  if (roundsActivations(traced)) key += "rounded activations\n";  // other kernels compute its products
  for (const std::string &shape : shapes) key += shape + "\n";
  std::string hash = sha256OfText(key);
  return fmt::format("{}/{}{}", folder, hash, tuningCache.suffix);
}

std::optional<Tuning> readTuning(const std::string &file) {
  if (file.empty()) return {};
  auto text = readTextFile(file, 1 << 20);
  if (!text) return {};
  auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("tuning") || !json["tuning"].is_string()) return {};
  auto tuning = parseTuning(json["tuning"].get<std::string>());
  if (!tuning) return {};
  touchEntry(file);
  return std::move(*tuning);
}

Status writeTuning(const std::string &file, const Target &target, const TuningResult &result) {
  std::error_code ignored;
  std::string folder = std::filesystem::path(file).parent_path().string();
  std::filesystem::create_directories(folder, ignored);
  nlohmann::json json = {{"cpu", hostCpu().model},
                         {"level", target.name},
                         {"version", LLC_VERSION},
                         {"tuning", tuningText(result.tuning)},
                         {"decode_s", {result.before.decode, result.after.decode}},
                         {"prefill_s", {result.before.prefill, result.after.prefill}},
                         {"complete", result.complete}};
  LLC_TRY(writeFile(file, json.dump(1) + "\n"));
  trimCache(folder, tuningCache, tuningCache.limitBytes);
  return success();
}

}  // namespace llc::compiler
