#include "compiler/transforms/autodiff/saving.h"

#include <fmt/format.h>

#include <charconv>

#include "dialect/interfaces/derive.h"
#include "dialect/interfaces/products.h"
#include "llvm/ADT/StringExtras.h"
#include "mlir/IR/Builders.h"

namespace llc::compiler {
namespace {
using namespace mlir;

// What modules of attention are called in checkpoints.
constexpr const char *attention[] = {"self_attn", "attn", "attention"};

// The places of an op: "self_attn.q_proj"; a fused op has several.
void placesOf(Location location, SmallVectorImpl<StringRef> &places) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    if (!name.getName().empty()) places.push_back(name.getName().strref());
    placesOf(name.getChildLoc(), places);
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations()) placesOf(part, places);
  }
}

// `name` is one or several neighbouring parts of `place`.
bool isAt(StringRef place, StringRef name) {
  for (size_t at = place.find(name); at != StringRef::npos; at = place.find(name, at + 1)) {
    size_t end = at + name.size();
    if ((at == 0 || place[at - 1] == '.') && (end == place.size() || place[end] == '.')) return true;
  }
  return false;
}

bool isAtAny(Operation *op, const std::vector<std::string> &names) {
  SmallVector<StringRef> places;
  placesOf(op->getLoc(), places);
  return llvm::any_of(places, [&](StringRef place) {
    return llvm::any_of(names, [&](const std::string &name) { return isAt(place, name); });
  });
}

bool isNamed(Operation *op) {
  SmallVector<StringRef> places;
  placesOf(op->getLoc(), places);
  return !places.empty();
}

enum class Product { none, ofWeights, batched };

// Of an op without a text: that of the ops it stands for, if there is a product among them.
Product productOf(Operation *op) {
  Product found = Product::none;
  if (!llm::derive::hasProgram(op)) {
    llm::visitDecomposition(op, [&](ArrayRef<Operation *> parts) {
      for (Operation *part : parts)
        if (found == Product::none) found = productOf(part);
    });
    return found;
  }
  auto statements = llm::derive::concreteStatements(op);
  if (!statements.ok()) return found;
  for (const index::Statement &statement : *statements)
    if (auto product = llm::matrixProductOf(statement)) return product->batched ? Product::batched : Product::ofWeights;
  return found;
}

std::vector<std::string> split(std::string_view names) {
  SmallVector<StringRef> parts;
  StringRef(names.data(), names.size()).split(parts, ',', -1, /*KeepEmpty=*/false);
  std::vector<std::string> list;
  for (StringRef part : parts) list.push_back(part.trim().str());
  return list;
}
}  // namespace

std::vector<std::string> Saving::names() {
  return {"everything_saveable",
          "nothing_saveable",
          "checkpoint_dots",
          "dots_saveable",
          "checkpoint_dots_with_no_batch_dims",
          "dots_with_no_batch_dims_saveable",
          "save_anything_except_these_names",
          "save_any_names_but_these",
          "save_only_these_names",
          "save_from_both_policies",
          "mlp_notsaveable",
          "attn_notsaveable",
          "mlp_attn_notsaveable"};
}

Saving Saving::atPrice(double price) {
  Saving saving;
  saving.kind_ = Kind::priced, saving.price_ = price;
  return saving;
}

Result<Saving> Saving::parse(std::string_view text) {
  size_t colon = text.find(':');
  std::string_view name = text.substr(0, colon), rest = colon == text.npos ? "" : text.substr(colon + 1);
  auto refuse = [&](std::string what, std::string remedy) {
    return diagnose(ErrorKind::invalidInput, "gradient checkpointing").says(what).toFix(remedy);
  };
  if (name == "price") {
    double price = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), price);
    if (error != std::errc() || end != rest.data() + rest.size() || !(price > 0))
      return refuse(fmt::format("'{}' is no price", rest), "give a positive number");
    return atPrice(price);
  }
  static const std::map<std::string_view, Kind> plain = {{"everything_saveable", Kind::everything},
                                                         {"nothing_saveable", Kind::nothing},
                                                         {"checkpoint_dots", Kind::products},
                                                         {"dots_saveable", Kind::products},
                                                         {"checkpoint_dots_with_no_batch_dims", Kind::weightProducts},
                                                         {"dots_with_no_batch_dims_saveable", Kind::weightProducts},
                                                         {"mlp_notsaveable", Kind::except},
                                                         {"attn_notsaveable", Kind::except},
                                                         {"mlp_attn_notsaveable", Kind::except}};
  static const std::map<std::string_view, Kind> named = {{"save_anything_except_these_names", Kind::except},
                                                         {"save_any_names_but_these", Kind::namedExcept},
                                                         {"save_only_these_names", Kind::only},
                                                         {"save_from_both_policies", Kind::productsAnd}};
  Saving saving;
  if (auto found = plain.find(name); found != plain.end()) {
    if (!rest.empty()) return refuse(fmt::format("{} takes no names", name), fmt::format("write {}", name));
    saving.kind_ = found->second;
    if (name.starts_with("mlp_")) saving.places_.push_back("mlp");
    if (name.find("attn_") != name.npos)
      saving.places_.insert(saving.places_.end(), std::begin(attention), std::end(attention));
    return saving;
  }
  auto found = named.find(name);
  if (found == named.end()) {
    std::string near = nearestNames(name, names());
    return refuse(fmt::format("'{}' is no choice of what to save", name),
                  near.empty() ? fmt::format("use one of {}", fmt::join(names(), ", ")) : "use " + near);
  }
  saving.kind_ = found->second;
  saving.places_ = split(rest);
  if (saving.places_.empty())
    return refuse(fmt::format("{} names nothing", name),
                  fmt::format("write for instance {}:mlp,self_attn.q_proj", name));
  return saving;
}

void Saving::collectPlaces(Operation *function, std::set<std::string> &places) {
  function->walk([&](Operation *op) {
    SmallVector<StringRef> of;
    if (op != function) placesOf(op->getLoc(), of);
    for (StringRef place : of) places.insert(place.str());
  });
}

bool Saving::isPlace(const std::string &name, const std::set<std::string> &places) {
  return llvm::any_of(places, [&](const std::string &place) { return isAt(place, name); });
}

bool Saving::saves(Operation *op) const {
  switch (kind_) {
    case Kind::everything:
      return true;
    case Kind::nothing:
    case Kind::priced:
      return false;
    case Kind::products:
      return productOf(op) != Product::none;
    case Kind::weightProducts:
      return productOf(op) == Product::ofWeights;
    case Kind::except:
      return !isAtAny(op, places_);
    case Kind::namedExcept:
      return isNamed(op) && !isAtAny(op, places_);
    case Kind::only:
      return isAtAny(op, places_);
    case Kind::productsAnd:
      return productOf(op) != Product::none || isAtAny(op, places_);
  }
  llvm_unreachable("all kinds are listed");
}

}  // namespace llc::compiler
