#include "compiler/transforms/autodiff/budget.h"

#include <cmath>

namespace llc::compiler {
namespace {
using namespace mlir;

struct Trial {
  double bytes;
  size_t calls;
};

// Differentiates a copy of the module.
FailureOr<Trial> tryOut(ModuleOp module, StringRef function, const Savings &savings) {
  OwningOpRef<ModuleOp> copy = module.clone();
  Derivatives derivatives(*copy, savings);
  if (failed(derivatives.differentiate(copy->lookupSymbol<func::FuncOp>(function)))) return failure();
  return Trial{derivatives.savedBytes(), derivatives.calls()};
}
}  // namespace

FailureOr<Savings> savingsWithin(ModuleOp module, func::FuncOp function, double bytes) {
  Savings savings{.early = Saving(), .late = Saving()};
  FailureOr<Trial> everything = tryOut(module, function.getName(), savings);
  if (failed(everything)) return failure();
  if (everything->bytes <= bytes) return savings;
  // Between a price at which all is saved that is work to compute, and one at which nothing is.
  double low = 1e-3, high = 1e9;
  for (int i = 0; i < 24; ++i) {
    double price = std::sqrt(low * high);
    savings.late = Saving::atPrice(price);
    FailureOr<Trial> trial = tryOut(module, function.getName(), savings);
    if (failed(trial)) return failure();
    (trial->bytes <= bytes ? high : low) = price;
  }
  savings = {.early = Saving::atPrice(high), .late = Saving::atPrice(low)};
  size_t fits = everything->calls, tooFew = 0;
  if (FailureOr<Trial> trial = tryOut(module, function.getName(), savings); succeeded(trial) && trial->bytes <= bytes)
    fits = 0;
  while (fits > tooFew + 1) {
    savings.earlyCalls = (fits + tooFew) / 2;
    FailureOr<Trial> trial = tryOut(module, function.getName(), savings);
    if (failed(trial)) return failure();
    (trial->bytes <= bytes ? fits : tooFew) = savings.earlyCalls;
  }
  savings.earlyCalls = fits;
  return savings;
}

}  // namespace llc::compiler
