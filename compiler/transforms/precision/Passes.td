// In which precision a program computes. In pipeline order.
#ifndef LLC_PRECISION_PASSES
#define LLC_PRECISION_PASSES
include "mlir/Pass/PassBase.td"

def NarrowProducts : Pass<"llm-narrow-products", "::mlir::ModuleOp"> {
  let summary = "products of matrices read operands of fewer bits";
  let description = [{
    In functions marked `llm.products = TYPE` (such as bf16), and in those that they call, f32 tensors that are factors of
    a product of matrices are rounded to that type by a llm.cast. Products accumulate in f32 as always, and all else
    (sums, norms, softmax, the loss, gradients, parameters) stays f32: mixed precision as in Micikevicius et al. 2018.

    A product is a sum over a * b, by the op's program or its decomposition, whose result has an index of a alone and one
    of b alone. Values that an op also reads in another way stay as they are.

    Runs before and after differentiation. Before it with `computed-only`: layers then save what they computed in the
    narrow type, but no narrow copy of a weight. After it ops without a program of their own are taken apart, unless they
    have a kernel (attention and its gradient have), so that the factors between their products are narrow, too.
  }];
  let options = [
    Option<"computedOnly", "computed-only", "bool", "false", "only values that the function computes itself: neither "
           "its arguments nor parameters">
  ];
}

def RoundActivations : Pass<"llm-round-activations", "::mlir::ModuleOp"> {
  let summary = "what products with bf16 weights read is rounded to bf16";
  let description = [{
    The f32 factor of every product of matrices whose other factor is bf16 becomes the same value rounded to bf16, still
    as f32: `llm.generic {body = "bf16(a)"}`, once for all products that read it. Parameters stay as they are. The
    rounding stands right behind the op that computes the value, before shapes are changed, so that fusion makes it a part
    of that stage; attention over a cache, whose kernel takes no further ops, gets the attribute `rounded`.

    Kernels look at what made their input: products of two bf16 numbers are exact in f32, so instructions for bf16 give
    the same sums, but for their order.
  }];
}
#endif
