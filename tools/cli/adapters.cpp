#include "tools/cli/adapters.h"

#include <cmath>
#include <filesystem>

#include "compiler/pipelines/pipeline.h"
#include "mlir/IR/MLIRContext.h"
#include "models/adapter_registry.h"
#include "models/blocks/projection.h"
#include "tools/cli/model.h"

namespace llc::cli {

namespace {
struct AdapterUse {
  std::string directory;
  double share = 1;
};

// "style=tuned" is "tuned" with a name; an equals sign counts only if nothing of the whole name exists.
std::pair<std::string, std::string> splitName(const std::string &text) {
  std::error_code error;
  size_t equals = text.find('='), slash = text.find('/');
  bool isName = equals != std::string::npos && equals > 0 && equals < slash && !std::filesystem::exists(text, error);
  return isName ? std::pair(text.substr(0, equals), text.substr(equals + 1)) : std::pair(std::string(), text);
}

// "tuned:0.5"; a colon counts only if nothing of the whole name exists.
Result<AdapterUse> parseUse(const std::string &given) {
  std::string text = splitName(given).second;
  std::error_code error;
  size_t colon = text.rfind(':');
  if (colon == std::string::npos || std::filesystem::exists(text, error)) return AdapterUse{latestCheckpoint(text)};
  char *end = nullptr;
  double share = std::strtod(text.c_str() + colon + 1, &end);
  if (*end == 0 && end != text.c_str() + colon + 1 && std::isfinite(share))
    return AdapterUse{latestCheckpoint(text.substr(0, colon)), share};
  return diagnose(ErrorKind::invalidInput, "--adapter")
      .says("'" + text.substr(colon + 1) + "' is no number")
      .toFix("write DIR or DIR:SHARE, for instance tuned:0.5");
}
}  // namespace

void addAdapterFlag(CLI::App &app, std::vector<std::string> &adapters) {
  app.add_option(
         "--adapter,--lora", adapters,
         "Directory of an adapter (PEFT's, or of lora-finetune), with :SHARE if not all of it is wanted, and NAME= "
         "before it for prompts that choose it; may be given more than once: all are added")
      ->expected(1)
      ->take_all();
}

Status attachAdapters(huggingface::ModelSource &source, const std::vector<std::string> &adapters,
                      bool sharesAtRunTime) {
  for (const std::string &text : adapters) {
    LLC_ASSIGN(AdapterUse use, parseUse(text));
    LLC_TRY(huggingface::attachAdapter(source, use.directory, use.share, models::adapterKinds(), sharesAtRunTime));
  }
  return success();
}

std::string adapterName(const std::string &given) {
  if (std::string name = splitName(given).first; !name.empty()) return name;
  auto use = parseUse(given);
  std::filesystem::path directory = use.ok() ? use->directory : given;
  return (directory.has_filename() ? directory : directory.parent_path()).filename().string();
}

Result<std::vector<dsl::Projection>> projectionsOf(const dsl::Model &model) {
  std::vector<dsl::Projection> seen;
  auto context = compiler::makeContext();
  LLC_ASSIGN([[maybe_unused]] auto parameters,
             huggingface::parametersOf(models::withObservedProjections(model, seen), *context));
  return seen;
}

}  // namespace llc::cli
