#include "tools/cli/adapters.h"

#include <cmath>
#include <filesystem>

#include "compiler/pipelines/pipeline.h"
#include "mlir/IR/MLIRContext.h"
#include "models/adapter_registry.h"
#include "models/blocks/projection.h"

namespace llc::cli {

namespace {
struct AdapterUse {
  std::string directory;
  double share = 1;
};

// "tuned:0.5"; a colon counts only if nothing of the whole name exists.
Result<AdapterUse> parseUse(const std::string &text) {
  std::error_code error;
  size_t colon = text.rfind(':');
  if (colon == std::string::npos || std::filesystem::exists(text, error)) return AdapterUse{text};
  char *end = nullptr;
  double share = std::strtod(text.c_str() + colon + 1, &end);
  if (*end == 0 && end != text.c_str() + colon + 1 && std::isfinite(share))
    return AdapterUse{text.substr(0, colon), share};
  return diagnose(ErrorKind::invalidInput, "--adapter")
      .says("'" + text.substr(colon + 1) + "' is no number")
      .toFix("write DIR or DIR:SHARE, for instance tuned:0.5");
}
}  // namespace

void addAdapterFlag(CLI::App &app, std::vector<std::string> &adapters) {
  app.add_option(
         "--adapter,--lora", adapters,
         "Directory of an adapter (PEFT's, or of lora-finetune), with :SHARE if not all of it is wanted; may be "
         "given more than once: all are added")
      ->expected(1)
      ->take_all();
}

Status attachAdapters(huggingface::ModelSource &source, const std::vector<std::string> &adapters) {
  for (const std::string &text : adapters) {
    LLC_ASSIGN(AdapterUse use, parseUse(text));
    LLC_TRY(huggingface::attachAdapter(source, use.directory, use.share, models::adapterKinds()));
  }
  return success();
}

Result<std::vector<dsl::Projection>> projectionsOf(const dsl::Model &model) {
  std::vector<dsl::Projection> seen;
  auto context = compiler::makeContext();
  LLC_ASSIGN([[maybe_unused]] auto parameters,
             huggingface::parametersOf(models::withObservedProjections(model, seen), *context));
  return seen;
}

}  // namespace llc::cli
