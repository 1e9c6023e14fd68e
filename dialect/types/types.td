// Types and attributes of the llm dialect.
#ifndef LLC_TYPES
#define LLC_TYPES
include "mlir/IR/AttrTypeBase.td"
include "dialect/interfaces/dialect.td"

class Llm_Type<string cppName, string keyword> : TypeDef<Llm_Dialect, cppName> { let mnemonic = keyword; }

def Llm_Kv : Llm_Type<"Kv", "kv"> {
  let summary = "handle of one layer's key-value cache";
  let description = [{
    `!llm.kv<4, 64, 64, f32>`: 4 key-value heads, keys of 64 and values of 64 elements, stored as f32. The cache holds
    the keys and values of every sequence of the batch; how it is paged is the runtime's business.
  }];
  let parameters = (ins "int64_t":$kvHeads, "int64_t":$keyDim, "int64_t":$valueDim, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $kvHeads `,` $keyDim `,` $valueDim `,` $elementType `>`";
  let genVerifyDecl = 1;
}

def Llm_Batch : Llm_Type<"Batch", "batch"> {
  let summary = "handle of the ragged batch of this step";
  let description = [{
    Which sequence each row belongs to, its position, how long its context is and where its cache pages lie:
    `llc_batch` of runtime/abi/llc_abi.h.
  }];
}

def Llm_Panel : AttrDef<Llm_Dialect, "Panel"> {
  let mnemonic = "panel";
  let summary = "layout of a packed weight: panels of 16 columns";
  let description = [{
    The encoding of a weight that a matrix product streams: columns (the output features) in panels of 16, as
    described in compiler/kernels/kernels.h. The logical tensor (shape, indices, values) is the one without encoding.
  }];
}
#endif
