// What a called function hands from its forward to its backward pass; the rest is computed again (gradient
// checkpointing: Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016). Whatever is chosen, the gradients
// are the same, bit for bit.
#pragma once
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mlir/IR/Operation.h"
#include "runtime/base/status.h"

namespace llc::compiler {

class Saving {
 public:
  // The names of JAX's checkpoint policies and what EasyDeL adds to them; NAMES are places of the model, comma
  // separated: "mlp" stands for all of mlp, "q_proj" for every q_proj, "self_attn.q_proj" for that one.
  //
  //   everything_saveable                       every value that backward reads; but functions of a single one that
  //                                             fuse with their readers, and normalizations, are computed
  //                                             again
  //   nothing_saveable                          the function's arguments alone
  //   checkpoint_dots, dots_saveable            results of products
  //   checkpoint_dots_with_no_batch_dims,
  //   dots_with_no_batch_dims_saveable          of products with weights, not those of attention
  //   save_anything_except_these_names:NAMES    everything but what is computed there
  //   save_any_names_but_these:NAMES            what is computed inside of some module, but not there
  //   save_only_these_names:NAMES               what is computed there
  //   save_from_both_policies:NAMES             results of products, and what is computed there
  //   mlp_notsaveable, attn_notsaveable, mlp_attn_notsaveable
  //                                             everything but what is computed in these
  //   price:NUMBER                              see `price`
  static Result<Saving> parse(std::string_view text);
  static std::vector<std::string> names();

  // The results of `op`, as far as backward reads them. Not asked for values that cost nothing, nor if there is a
  // price.
  bool saves(mlir::Operation *op) const;

  bool savesEverything() const { return kind_ == Kind::everything; }

  // Those that are named.
  const std::vector<std::string> &places() const { return places_; }
  // Where the ops of a function are, and whether one of these places has that name or is part of it.
  static void collectPlaces(mlir::Operation *function, std::set<std::string> &places);
  static bool isPlace(const std::string &name, const std::set<std::string> &places);

  // If positive: a byte saved is worth as much as so many scalar operations computed again, and what is saved makes the
  // sum of both least (recomputation.h).
  static Saving atPrice(double price);
  double price() const { return price_; }

 private:
  enum class Kind { everything, nothing, products, weightProducts, except, namedExcept, only, productsAnd, priced };
  Kind kind_ = Kind::everything;
  std::vector<std::string> places_;
  double price_ = 0;
};

}  // namespace llc::compiler
