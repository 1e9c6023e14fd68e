// Parameters and constants.
#ifndef LLC_OPS_STATE
#define LLC_OPS_STATE
include "dialect/ops/base.td"
include "mlir/IR/SymbolInterfaces.td"

def ParameterOp : Llm_Op<"parameter", [Symbol], ["evaluate", "decompose", "shardingFactors", "cost"]> {
  let summary = "declares a parameter of the model";
  let description = [{
    The symbol's name is the parameter's name in the checkpoint.

    ```mlir
    llm.parameter @"model.embed_tokens.weight" : tensor<32000x2048xbf16>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type);
  let results = (outs);
  let notDifferentiable = "it is a declaration";
  let assemblyFormat = "$sym_name attr-dict `:` $type";
  let hasVerifier = 1;
}

def UseOp : Llm_Op<"use", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>],
                   ["evaluate", "readParameter", "decompose", "shardingFactors", "cost"]> {
  let summary = "the value of a parameter";
  let description = [{
    In entries only; blocks get parameters as arguments.

    ```mlir
    %w = llm.use @"model.embed_tokens.weight" : tensor<32000x2048xbf16>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$name);
  let results = (outs AnyRankedTensor:$value);
  let notDifferentiable = "gradients of parameters are collected where it is used";
  let assemblyFormat = "$name attr-dict `:` type($value)";
}

def ConstantOp : Llm_Op<"constant", [Pure, ConstantLike, AllTypesMatch<["value", "result"]>],
                         ["evaluate", "decompose", "shardingFactors", "cost"]> {
  let summary = "a constant tensor";
  let description = [{
    ```mlir
    %f = llm.constant dense<[1.0, 0.5]> : tensor<2xf32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs AnyStaticShapeTensor:$result);
  let notDifferentiable = "it has no operand";
  let assemblyFormat = "attr-dict $value";
  let builders = [OpBuilder<(ins "::mlir::ElementsAttr":$value), [{
    build($_builder, $_state, ::mlir::cast<::mlir::ShapedType>(value.getType()), value);
  }]>];
  let hasFolder = 1;
}

def PackOp : Llm_Inferred<"pack", [Pure], ["evaluate", "buildAdjoint", "decompose", "shardingFactors", "cost"]> {
  let summary = "a weight in the layout that a kernel streams";
  let description = [{
    The logical tensor stays the same (shape, indices); only its encoding changes, and its element type where `element`
    is given.

    ```mlir
    %p = llm.pack %w {layout = #llm.panel} : (tensor<128x64xbf16>) -> tensor<128x64xbf16, #llm.panel>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$w, Llm_Panel:$layout, OptionalAttr<TypeAttr>:$element);
  let results = (outs AnyRankedTensor:$packed);
}
#endif
