// Dropout (Srivastava et al. 2014): elements become 0 with a probability, the others are divided by what is left of 1.
#pragma once
#include <optional>

#include "frontends/dsl/architecture.h"

namespace llc::models {

// While it lives, dropped() draws for one part of a model: a layer, or what is before them. Made outside of the layer's
// block, so that layers stay equal functions. Parts of a model have numbers of their own.
class Dropping {
 public:
  Dropping(const dsl::Dropout &dropout, int64_t part);
  ~Dropping();
  Dropping(const Dropping &) = delete;
  Dropping &operator=(const Dropping &) = delete;

 private:
  friend dsl::Tensor dropKey(double rate);
  dsl::Tensor key_;    // [1], 0: nothing is dropped; absent: there is no dropout
  int64_t calls_ = 0;  // each draws other numbers
  Dropping *outer_;
};

// x[T,n] with dropout; x itself outside of training, or where the rate is 0.
dsl::Tensor dropped(dsl::Tensor x, double rate);
// For weights that attention leaves out itself: its drop_key [1]; absent outside of training, or where the rate is 0.
dsl::Tensor dropKey(double rate);

}  // namespace llc::models
