#include "compiler/transforms/autodiff/saving.h"

#include <fmt/format.h>

#include <charconv>

#include "dialect/interfaces/derive.h"
#include "dialect/interfaces/interfaces.h"
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

// A sum of products of two tensors, each with an index of its own; batched: with one that both and the result have.
Product productOf(const index::Statement &statement) {
  if (statement.combiner != "sum" || statement.inputs.size() < 2) return Product::none;
  auto letters = [](const std::string &text) {
    std::string found;
    llvm::copy_if(text, std::back_inserter(found), index::isIndexLetter);
    return found;
  };
  std::string a = letters(statement.inputs[0]), b = letters(statement.inputs[1]), y = letters(statement.output);
  auto has = [](const std::string &text, char letter) { return text.find(letter) != std::string::npos; };
  auto any = [](const std::string &text, auto test) { return std::any_of(text.begin(), text.end(), test); };
  bool reduces = any(a, [&](char c) { return has(b, c) && !has(y, c); });
  bool wide = any(a, [&](char c) { return has(y, c) && !has(b, c); }) &&
              any(b, [&](char c) { return has(y, c) && !has(a, c); });
  if (!reduces || !wide) return Product::none;
  return any(a, [&](char c) { return has(b, c) && has(y, c); }) ? Product::batched : Product::ofWeights;
}

Product productOf(Operation *op);

// Of an op without a text: that of the ops it stands for, if there is a product among them.
Product productInside(Operation *op) {
  auto decomposable = dyn_cast<llm::Decomposable>(op);
  if (!decomposable) return Product::none;
  OpBuilder builder(op);
  ScopedDiagnosticHandler quiet(op->getContext(),
                                [](Diagnostic &) { return mlir::success(); });  // a primitive op is no error
  Operation *before = op->getPrevNode();
  SmallVector<Value> results;
  bool made = succeeded(decomposable.decompose(builder, results));
  Product found = Product::none;
  while (op->getPrevNode() != before) {
    Operation *part = op->getPrevNode();
    if (made && found == Product::none) found = productOf(part);
    part->erase();
  }
  return found;
}

Product productOf(Operation *op) {
  if (!llm::derive::hasProgram(op)) return productInside(op);
  auto statements = llm::derive::concreteStatements(op);
  if (!statements.ok()) return Product::none;
  for (const index::Statement &statement : *statements)
    if (Product product = productOf(statement); product != Product::none) return product;
  return Product::none;
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
