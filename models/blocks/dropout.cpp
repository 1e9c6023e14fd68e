#include "models/blocks/dropout.h"

#include <fmt/format.h>

#include "frontends/dsl/sugar.h"

namespace llc::models {
using namespace dsl;
namespace {
thread_local Dropping *innermost = nullptr;  // of the models being traced on this thread

// A whole number from 1 to below 2^24 that follows from another one; 0 from 0.
Tensor keyFrom(Tensor number, uint64_t seed, int64_t place) {
  std::string body = fmt::format("select(eq(a,0),0,max(1,16777216*random(a,{},{})))", seed % (1 << 24), place);
  return generic({number}, {.signature = "a->a", .body = body}, {1}, DType::f32);
}
}  // namespace

Dropping::Dropping(const Dropout &dropout, int64_t part) : outer_(innermost) {
  if (dropout.draw) key_ = keyFrom(dropout.draw, dropout.seed, part);
  innermost = this;
}
Dropping::~Dropping() { innermost = outer_; }

Tensor dropKey(double rate) {
  if (rate == 0 || !innermost || !innermost->key_) return {};
  return keyFrom(innermost->key_, 1, innermost->calls_++);
}

Tensor dropped(Tensor x, double rate) {
  Tensor key = dropKey(rate);
  if (!key) return x;
  // Numbers of rows and columns as data, columns from one: see updates/rounding.cpp.
  Tensor row = iota({x.size(0)}, DType::f32), column = iota({x.size(1)}, DType::f32) + 1;
  std::string body = fmt::format("a*select(eq(d,0),1,select(lt(random(b,c,d),{}),0,{:.9g}))", rate, 1 / (1 - rate));
  return generic({x, row, column, key}, {.signature = "bi,b,i,1->bi", .body = body}, x.shape(), DType::f32);
}

}  // namespace llc::models
