// What the fusion passes ask; the answer is yes, or an error whose text says why not. explain.h asks the same.
#pragma once
#include "compiler/lowering/head_products.h"

namespace llc::compiler {

// A product whose kernel takes an epilogue: one that streams a packed weight, or one of matrices as they lie in memory.
// Alone or with an epilogue already.
bool isProduct(mlir::Operation *op);
// May `reader` become part of the epilogue of `product` (or of the product that `product` is the epilogue of)?
Status joinsEpilogue(mlir::Operation *product, mlir::Operation *reader);
// May `reader` add what it has to the sums of `scatter` (compiler/lowering/scatter_sum.h)?
Status joinsScatter(mlir::Operation *scatter, mlir::Operation *reader);
// May the op be part of a row program with others?
Status joinsRows(mlir::Operation *op);
// The ops that become one stage of queries, keys and values, for the attention that reads what `append` wrote.
Result<HeadProducts> joinsHeads(llm::CacheAppendOp append);

}  // namespace llc::compiler
