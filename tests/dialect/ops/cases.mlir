// One function per case: @<op>[.variant]. Inputs, results and gradients come from tests/golden/dialect/ops.json
// (make_op_goldens.py, an independent implementation). Every op of the dialect must appear here.
module {
  llm.parameter @"table.weight" : tensor<3x4xf32>

  func.func @neg(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.neg %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @exp(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.exp %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @log(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.log %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @sqrt(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.sqrt %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @rsqrt(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.rsqrt %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @tanh(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.tanh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @logistic(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.logistic %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @sin(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.sin %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @cos(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.cos %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @erf(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.erf %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @abs(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.abs %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @square(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.square %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @relu(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @silu(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.silu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @gelu(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.gelu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @gelu_tanh(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.gelu_tanh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @gelu_quick(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.gelu_quick %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @add(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.add %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @sub(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.sub %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @mul(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.mul %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @div(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.div %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @maximum(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.maximum %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @minimum(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.minimum %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @pow(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.pow %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @eq(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.eq %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @ge(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.ge %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @lt(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.lt %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @add.signature(%x: tensor<?x4xf32>, %w: tensor<?xf32>) -> tensor<?x4xf32> {
    %y = llm.add %x, %w {signature = "ti,t->ti"} : (tensor<?x4xf32>, tensor<?xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @mul.stretch(%x: tensor<2x1x3xf32>, %w: tensor<4x1xbf16>) -> tensor<2x4x3xf32> {
    %y = llm.mul %x, %w : (tensor<2x1x3xf32>, tensor<4x1xbf16>) -> tensor<2x4x3xf32>
    return %y : tensor<2x4x3xf32>
  }
  func.func @mul.square(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.mul %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @select(%c: tensor<?x1xi32>, %x: tensor<?x4xf32>, %y: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %r = llm.select %c, %x, %y : (tensor<?x1xi32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    return %r : tensor<?x4xf32>
  }
  func.func @clamp(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.clamp %x {hi = 0.5, lo = -0.25} : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @soft_cap(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.soft_cap %x {cap = 1.5} : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @scale(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.scale %x {factor = -2.5} : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @shift(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.shift %x {offset = 0.75} : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @cast(%x: tensor<?x4xbf16>) -> tensor<?x4xf32> {
    %y = llm.cast %x : (tensor<?x4xbf16>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @contract(%x: tensor<2x3x4xf32>, %w: tensor<2x4x5xf32>) -> tensor<2x3x5xf32> {
    %y = llm.contract %x, %w {signature = "bmk,bkn->bmn"}
        : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
    return %y : tensor<2x3x5xf32>
  }
  func.func @contract.permuted(%x: tensor<4x2x3xf32>, %w: tensor<5x2x4xbf16>) -> tensor<3x5x2xf32> {
    %y = llm.contract %x, %w {signature = "kbm,nbk->mnb"}
        : (tensor<4x2x3xf32>, tensor<5x2x4xbf16>) -> tensor<3x5x2xf32>
    return %y : tensor<3x5x2xf32>
  }
  func.func @linear(%x: tensor<?x4xf32>, %w: tensor<6x4xbf16>) -> tensor<?x6xf32> {
    %y = llm.linear %x, %w : (tensor<?x4xf32>, tensor<6x4xbf16>) -> tensor<?x6xf32>
    return %y : tensor<?x6xf32>
  }
  func.func @linear.plain(%x: tensor<2x?x4xf32>, %w: tensor<4x6xf32>) -> tensor<2x?x6xf32> {
    %y = llm.linear %x, %w {transposed = false} : (tensor<2x?x4xf32>, tensor<4x6xf32>) -> tensor<2x?x6xf32>
    return %y : tensor<2x?x6xf32>
  }
  func.func @reduce(%x: tensor<3x4x2xf32>) -> tensor<2x3xf32> {
    %y = llm.reduce %x {kind = "sum", signature = "abc->ca"} : (tensor<3x4x2xf32>) -> tensor<2x3xf32>
    return %y : tensor<2x3xf32>
  }
  func.func @reduce.max(%x: tensor<3x4x2xf32>) -> tensor<2x3xf32> {
    %y = llm.reduce %x {kind = "max", signature = "abc->ca"} : (tensor<3x4x2xf32>) -> tensor<2x3xf32>
    return %y : tensor<2x3xf32>
  }
  func.func @reduce.min(%x: tensor<3x4x2xf32>) -> tensor<2x3xf32> {
    %y = llm.reduce %x {kind = "min", signature = "abc->ca"} : (tensor<3x4x2xf32>) -> tensor<2x3xf32>
    return %y : tensor<2x3xf32>
  }
  func.func @generic.conv(%x: tensor<1x9x4xf32>, %k: tensor<3x4x5xf32>) -> tensor<1x4x5xf32> {
    %y = llm.generic %x, %k {body = "a*b", combiner = "sum", signature = "b(2i+k)d,kdc->bic"}
        : (tensor<1x9x4xf32>, tensor<3x4x5xf32>) -> tensor<1x4x5xf32>
    return %y : tensor<1x4x5xf32>
  }
  func.func @generic.padded(%x: tensor<1x6x4xf32>, %k: tensor<3x4xf32>) -> tensor<1x6x4xf32> {
    %y = llm.generic %x, %k {body = "a*b", combiner = "sum", signature = "b(i+k-1)d,kd->bid"}
        : (tensor<1x6x4xf32>, tensor<3x4xf32>) -> tensor<1x6x4xf32>
    return %y : tensor<1x6x4xf32>
  }
  func.func @generic.scatter(%x: tensor<?x4xf32>, %ids: tensor<?xi32>) -> tensor<5x4xf32> {
    %y = llm.generic %x, %ids {body = "a", combiner = "sum", signature = "nd,n->{1}d"}
        : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<5x4xf32>
    return %y : tensor<5x4xf32>
  }
  func.func @reshape(%x: tensor<?x12xf32>) -> tensor<?x2x6xf32> {
    %y = llm.reshape %x : (tensor<?x12xf32>) -> tensor<?x2x6xf32>
    return %y : tensor<?x2x6xf32>
  }
  func.func @transpose(%x: tensor<?x2x3xf32>) -> tensor<2x?x3xf32> {
    %y = llm.transpose %x {signature = "thd->htd"} : (tensor<?x2x3xf32>) -> tensor<2x?x3xf32>
    return %y : tensor<2x?x3xf32>
  }
  func.func @broadcast(%x: tensor<4xf32>) -> tensor<3x4xf32> {
    %y = llm.broadcast %x {signature = "i->ji"} : (tensor<4xf32>) -> tensor<3x4xf32>
    return %y : tensor<3x4xf32>
  }
  func.func @broadcast.like(%x: tensor<4xf32>, %l: tensor<?xi32>) -> tensor<?x4xf32> {
    %y = llm.broadcast %x, %l {signature = "i,t->ti"} : (tensor<4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @slice(%x: tensor<?x6xf32>) -> tensor<?x3xf32> {
    %y = llm.slice %x {dim = 1 : i64, size = 3 : i64, start = 2 : i64} : (tensor<?x6xf32>) -> tensor<?x3xf32>
    return %y : tensor<?x3xf32>
  }
  func.func @concat(%x: tensor<?x4xf32>, %w: tensor<?x2xf32>, %z: tensor<?x3xf32>) -> tensor<?x9xf32> {
    %y = llm.concat %x, %w, %z {dim = 1 : i64}
        : (tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x3xf32>) -> tensor<?x9xf32>
    return %y : tensor<?x9xf32>
  }
  func.func @pad(%x: tensor<3x4xf32>) -> tensor<6x4xf32> {
    %y = llm.pad %x {dim = 0 : i64, high = 1 : i64, low = 2 : i64} : (tensor<3x4xf32>) -> tensor<6x4xf32>
    return %y : tensor<6x4xf32>
  }
  func.func @gather_rows(%table: tensor<5x4xbf16>, %ids: tensor<?xi32>) -> tensor<?x4xf32> {
    %y = llm.gather_rows %table, %ids : (tensor<5x4xbf16>, tensor<?xi32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @take(%x: tensor<?x2x3xf32>, %rows: tensor<?xi32>) -> tensor<?x2x3xf32> {
    %y = llm.take %x, %rows : (tensor<?x2x3xf32>, tensor<?xi32>) -> tensor<?x2x3xf32>
    return %y : tensor<?x2x3xf32>
  }
  func.func @iota() -> tensor<6xf32> {
    %y = llm.iota : () -> tensor<6xf32>
    return %y : tensor<6xf32>
  }
  func.func @one_hot(%ids: tensor<?x2xi32>) -> tensor<?x2x5xf32> {
    %y = llm.one_hot %ids {depth = 5 : i64} : (tensor<?x2xi32>) -> tensor<?x2x5xf32>
    return %y : tensor<?x2x5xf32>
  }
  func.func @rms_norm(%x: tensor<?x4xf32>, %w: tensor<4xbf16>) -> tensor<?x4xf32> {
    %y = llm.rms_norm %x, %w {eps = 1.0e-05} : (tensor<?x4xf32>, tensor<4xbf16>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @rms_norm.offset(%x: tensor<?x2x4xf32>, %w: tensor<4xf32>) -> tensor<?x2x4xf32> {
    %y = llm.rms_norm %x, %w {offset = 1.0} : (tensor<?x2x4xf32>, tensor<4xf32>) -> tensor<?x2x4xf32>
    return %y : tensor<?x2x4xf32>
  }
  func.func @layer_norm(%x: tensor<?x4xf32>, %w: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.layer_norm %x weight %w bias %b : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @layer_norm.weight(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.layer_norm %x weight %w {eps = 1.0e-03} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @layer_norm.plain(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.layer_norm %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @softmax(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %y = llm.softmax %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @logsumexp(%x: tensor<?x4xf32>) -> tensor<?xf32> {
    %y = llm.logsumexp %x : (tensor<?x4xf32>) -> tensor<?xf32>
    return %y : tensor<?xf32>
  }
  func.func @rotary_table(%p: tensor<?xi32>, %f: tensor<3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>) {
    %c, %s = llm.rotary_table %p, %f {scale = 1.25}
        : (tensor<?xi32>, tensor<3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>)
    return %c, %s : tensor<?x3xf32>, tensor<?x3xf32>
  }
  func.func @rotary_table.rows(%p: tensor<?xi32>, %f: tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>) {
    %c, %s = llm.rotary_table %p, %f : (tensor<?xi32>, tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>)
    return %c, %s : tensor<?x3xf32>, tensor<?x3xf32>
  }
  func.func @rotary(%x: tensor<?x2x6xf32>, %c: tensor<?x2xf32>, %s: tensor<?x2xf32>) -> tensor<?x2x6xf32> {
    %y = llm.rotary %x, %c, %s : (tensor<?x2x6xf32>, tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2x6xf32>
    return %y : tensor<?x2x6xf32>
  }
  func.func @rotary.interleaved(%x: tensor<?x2x6xf32>, %c: tensor<?x2xf32>, %s: tensor<?x2xf32>)
      -> tensor<?x2x6xf32> {
    %y = llm.rotary %x, %c, %s {interleaved = true}
        : (tensor<?x2x6xf32>, tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2x6xf32>
    return %y : tensor<?x2x6xf32>
  }
  func.func @sequence_lengths(%batch: !llm.batch) -> tensor<?xi32> {
    %y = llm.sequence_lengths %batch : (!llm.batch) -> tensor<?xi32>
    return %y : tensor<?xi32>
  }
  func.func @attention(%q: tensor<2x3x4x3xf32>, %k: tensor<2x5x2x3xf32>, %v: tensor<2x5x2x2xf32>)
      -> (tensor<2x3x4x2xf32>, tensor<2x3x4xf32>) {
    %y, %l = llm.attention %q, %k, %v {scale = 0.6}
        : (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>) -> (tensor<2x3x4x2xf32>, tensor<2x3x4xf32>)
    return %y, %l : tensor<2x3x4x2xf32>, tensor<2x3x4xf32>
  }
  func.func @attention.full(%q: tensor<2x3x4x3xf32>, %k: tensor<2x5x2x3xf32>, %v: tensor<2x5x2x2xf32>)
      -> (tensor<2x3x4x2xf32>, tensor<2x3x4xf32>) {
    %y, %l = llm.attention %q, %k, %v {causal = false, scale = 0.6}
        : (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>) -> (tensor<2x3x4x2xf32>, tensor<2x3x4xf32>)
    return %y, %l : tensor<2x3x4x2xf32>, tensor<2x3x4xf32>
  }
  func.func @attention.window(%q: tensor<2x3x4x3xf32>, %k: tensor<2x5x2x3xf32>, %v: tensor<2x5x2x2xf32>,
      %sinks: tensor<4xf32>)
      -> (tensor<2x3x4x2xf32>, tensor<2x3x4xf32>) {
    %y, %l = llm.attention %q, %k, %v sinks %sinks {scale = 0.6, soft_cap = 2.0, window = 2 : i64}
        : (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>, tensor<4xf32>) -> (tensor<2x3x4x2xf32>, tensor<2x3x4xf32>)
    return %y, %l : tensor<2x3x4x2xf32>, tensor<2x3x4xf32>
  }
  func.func @attention.segments(%q: tensor<2x3x4x3xf32>, %k: tensor<2x5x2x3xf32>, %v: tensor<2x5x2x2xf32>,
      %segments: tensor<2x5xi32>)
      -> (tensor<2x3x4x2xf32>, tensor<2x3x4xf32>) {
    %y, %l = llm.attention %q, %k, %v segments %segments {scale = 0.6}
        : (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>, tensor<2x5xi32>) -> (tensor<2x3x4x2xf32>, tensor<2x3x4xf32>)
    return %y, %l : tensor<2x3x4x2xf32>, tensor<2x3x4xf32>
  }
  func.func @attention_gradients(%q: tensor<2x3x4x3xf32>, %k: tensor<2x5x2x3xf32>, %v: tensor<2x5x2x2xf32>,
      %dy: tensor<2x3x4x2xf32>, %l: tensor<2x3x4xf32>, %delta: tensor<2x3x4xf32>)
      -> (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>) {
    %dq, %dk, %dv = llm.attention_backward %q, %k, %v, %dy, %l, %delta {scale = 0.6}
        : (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>, tensor<2x3x4x2xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>)
            -> (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>)
    return %dq, %dk, %dv : tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>
  }
  func.func @attention_gradients.full(%q: tensor<2x3x4x3xf32>, %k: tensor<2x5x2x3xf32>, %v: tensor<2x5x2x2xf32>,
      %dy: tensor<2x3x4x2xf32>, %l: tensor<2x3x4xf32>, %delta: tensor<2x3x4xf32>)
      -> (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>) {
    %dq, %dk, %dv = llm.attention_backward %q, %k, %v, %dy, %l, %delta {causal = false, scale = 0.6}
        : (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>, tensor<2x3x4x2xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>)
            -> (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>)
    return %dq, %dk, %dv : tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>
  }
  func.func @attention_gradients.window(%q: tensor<2x3x4x3xf32>, %k: tensor<2x5x2x3xf32>, %v: tensor<2x5x2x2xf32>,
      %dy: tensor<2x3x4x2xf32>, %l: tensor<2x3x4xf32>, %delta: tensor<2x3x4xf32>)
      -> (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>) {
    %dq, %dk, %dv = llm.attention_backward %q, %k, %v, %dy, %l, %delta {scale = 0.6, soft_cap = 2.0, window = 2 : i64}
        : (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>, tensor<2x3x4x2xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>)
            -> (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>)
    return %dq, %dk, %dv : tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>
  }
  func.func @attention_gradients.segments(%q: tensor<2x3x4x3xf32>, %k: tensor<2x5x2x3xf32>, %v: tensor<2x5x2x2xf32>,
      %dy: tensor<2x3x4x2xf32>, %l: tensor<2x3x4xf32>, %delta: tensor<2x3x4xf32>, %segments: tensor<2x5xi32>)
      -> (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>) {
    %dq, %dk, %dv = llm.attention_backward %q, %k, %v, %dy, %l, %delta segments %segments {scale = 0.6}
        : (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>, tensor<2x3x4x2xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>,
           tensor<2x5xi32>)
            -> (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>)
    return %dq, %dk, %dv : tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>
  }
  func.func @attention.dropped(%q: tensor<2x3x4x3xf32>, %k: tensor<2x5x2x3xf32>, %v: tensor<2x5x2x2xf32>,
      %sinks: tensor<4xf32>, %segments: tensor<2x5xi32>, %key: tensor<1xf32>)
      -> (tensor<2x3x4x2xf32>, tensor<2x3x4xf32>) {
    %y, %l = llm.attention %q, %k, %v sinks %sinks segments %segments drop_key %key {drop_rate = 0.4, scale = 0.6}
        : (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>, tensor<4xf32>, tensor<2x5xi32>, tensor<1xf32>)
            -> (tensor<2x3x4x2xf32>, tensor<2x3x4xf32>)
    return %y, %l : tensor<2x3x4x2xf32>, tensor<2x3x4xf32>
  }
  func.func @attention_gradients.dropped(%q: tensor<2x3x4x3xf32>, %k: tensor<2x5x2x3xf32>, %v: tensor<2x5x2x2xf32>,
      %dy: tensor<2x3x4x2xf32>, %l: tensor<2x3x4xf32>, %delta: tensor<2x3x4xf32>, %segments: tensor<2x5xi32>, %key: tensor<1xf32>)
      -> (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>) {
    %dq, %dk, %dv = llm.attention_backward %q, %k, %v, %dy, %l, %delta segments %segments drop_key %key
        {drop_rate = 0.4, scale = 0.6, soft_cap = 2.0}
        : (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>, tensor<2x3x4x2xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>,
           tensor<2x5xi32>, tensor<1xf32>)
            -> (tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>)
    return %dq, %dk, %dv : tensor<2x3x4x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x2xf32>
  }
  func.func @paged_attention(%q: tensor<?x4x3xf32>, %k: tensor<?x2x3xf32>, %v: tensor<?x2x2xf32>, %batch: !llm.batch,
      %p: tensor<?xi32>) -> tensor<?x4x2xf32> {
    %kv = llm.cache_layer {layer = 0 : i64} : !llm.kv<2, 3, 2, f32>
    %n = llm.cache_append %kv, %k, %v, %batch
        : (!llm.kv<2, 3, 2, f32>, tensor<?x2x3xf32>, tensor<?x2x2xf32>, !llm.batch) -> !llm.kv<2, 3, 2, f32>
    %y = llm.paged_attention %q, %n, %batch, %p {scale = 0.6}
        : (tensor<?x4x3xf32>, !llm.kv<2, 3, 2, f32>, !llm.batch, tensor<?xi32>) -> tensor<?x4x2xf32>
    return %y : tensor<?x4x2xf32>
  }
  func.func @paged_attention.all(%q: tensor<?x4x3xf32>, %k: tensor<?x2x3xf32>, %v: tensor<?x2x2xf32>,
      %batch: !llm.batch, %p: tensor<?xi32>, %sinks: tensor<4xf32>, %slopes: tensor<4xf32>) -> tensor<?x4x2xf32> {
    %kv = llm.cache_layer {layer = 0 : i64} : !llm.kv<2, 3, 2, f32>
    %n = llm.cache_append %kv, %k, %v, %batch
        : (!llm.kv<2, 3, 2, f32>, tensor<?x2x3xf32>, tensor<?x2x2xf32>, !llm.batch) -> !llm.kv<2, 3, 2, f32>
    %y = llm.paged_attention %q, %n, %batch, %p sinks %sinks slopes %slopes {scale = 0.6, soft_cap = 2.0,
        window = 2 : i64}
            : (tensor<?x4x3xf32>, !llm.kv<2, 3, 2, f32>, !llm.batch, tensor<?xi32>, tensor<4xf32>, tensor<4xf32>)
                -> tensor<?x4x2xf32>
    return %y : tensor<?x4x2xf32>
  }
  func.func @cross_entropy(%x: tensor<?x5xf32>, %l: tensor<?xi32>) -> tensor<?xf32> {
    %y = llm.cross_entropy %x, %l : (tensor<?x5xf32>, tensor<?xi32>) -> tensor<?xf32>
    return %y : tensor<?xf32>
  }
  func.func @linear_log_prob(%x: tensor<?x4xf32>, %w: tensor<5x4xbf16>, %t: tensor<?xi32>) -> tensor<?xf32> {
    %y = llm.linear_log_prob %x, %w, %t : (tensor<?x4xf32>, tensor<5x4xbf16>, tensor<?xi32>) -> tensor<?xf32>
    return %y : tensor<?xf32>
  }
  func.func @linear_log_prob.capped(%x: tensor<?x4xf32>, %w: tensor<4x5xf32>, %t: tensor<?xi32>) -> tensor<?xf32> {
    %y = llm.linear_log_prob %x, %w, %t {scale = 0.5, soft_cap = 1.5, transposed = false}
        : (tensor<?x4xf32>, tensor<4x5xf32>, tensor<?xi32>) -> tensor<?xf32>
    return %y : tensor<?xf32>
  }
  func.func @linear_log_prob_gradients(%x: tensor<5x4xf32>, %w: tensor<6x4xbf16>, %t: tensor<5xi32>, %dy: tensor<5xf32>)
      -> (tensor<5xf32>, tensor<5x4xf32>, tensor<6x4xf32>) {
    %y, %dx, %dw = llm.linear_log_prob_backward %x, %w, %t, %dy
        : (tensor<5x4xf32>, tensor<6x4xbf16>, tensor<5xi32>, tensor<5xf32>)
            -> (tensor<5xf32>, tensor<5x4xf32>, tensor<6x4xf32>)
    return %y, %dx, %dw : tensor<5xf32>, tensor<5x4xf32>, tensor<6x4xf32>
  }
  func.func @linear_log_prob_gradients.tiles(%x: tensor<5x4xf32>, %w: tensor<4x6xf32>, %t: tensor<5xi32>,
      %dy: tensor<5xf32>) -> (tensor<5xf32>, tensor<5x4xf32>, tensor<4x6xf32>) {
    %y, %dx, %dw = llm.linear_log_prob_backward %x, %w, %t, %dy
        {scale = 0.5, soft_cap = 1.5, tile_rows = 2 : i64, transposed = false}
        : (tensor<5x4xf32>, tensor<4x6xf32>, tensor<5xi32>, tensor<5xf32>)
            -> (tensor<5xf32>, tensor<5x4xf32>, tensor<4x6xf32>)
    return %y, %dx, %dw : tensor<5xf32>, tensor<5x4xf32>, tensor<4x6xf32>
  }
  func.func @after(%x: tensor<2x3xf32>, %done: tensor<4xf32>) -> tensor<2x3xf32> {
    %y = llm.after %x, %done : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<2x3xf32>
    return %y : tensor<2x3xf32>
  }
  func.func @use() -> tensor<3x4xf32> {
    %y = llm.use @table.weight : tensor<3x4xf32>
    return %y : tensor<3x4xf32>
  }
  func.func @constant() -> tensor<3xf32> {
    %y = llm.constant dense<[1.0, -2.5, 0.125]> : tensor<3xf32>
    return %y : tensor<3xf32>
  }
  func.func @pack(%w: tensor<6x4xf32>) -> tensor<6x4xf32, #llm.panel> {
    %y = llm.pack %w {layout = #llm.panel} : (tensor<6x4xf32>) -> tensor<6x4xf32, #llm.panel>
    return %y : tensor<6x4xf32, #llm.panel>
  }
  func.func @fused(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
    %y = llm.fused(%x, %w) : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32> {
    ^bb0(%a: tensor<?x4xf32>, %b: tensor<4xf32>):
      %n = llm.rms_norm %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
      %s = llm.silu %n : (tensor<?x4xf32>) -> tensor<?x4xf32>
      llm.yield %s : tensor<?x4xf32>
    }
    return %y : tensor<?x4xf32>
  }
  func.func @by_rows(%x: tensor<6x4xf32>, %t: tensor<6xi32>, %w: tensor<5x4xf32>, %b: tensor<5xbf16>)
      -> (tensor<6xf32>, tensor<6xf32>) {
    %y, %z = llm.by_rows(%x, %t, %w, %b) {row_results = 2 : i64, tiled = 2 : i64}
        : (tensor<6x4xf32>, tensor<6xi32>, tensor<5x4xf32>, tensor<5xbf16>) -> (tensor<6xf32>, tensor<6xf32>) {
    ^bb0(%rows: tensor<2x4xf32>, %labels: tensor<2xi32>, %matrix: tensor<5x4xf32>, %bias: tensor<5xbf16>):
      %p = llm.linear %rows, %matrix : (tensor<2x4xf32>, tensor<5x4xf32>) -> tensor<2x5xf32>
      %l = llm.add %p, %bias : (tensor<2x5xf32>, tensor<5xbf16>) -> tensor<2x5xf32>
      %c = llm.cross_entropy %l, %labels : (tensor<2x5xf32>, tensor<2xi32>) -> tensor<2xf32>
      %s = llm.logsumexp %l : (tensor<2x5xf32>) -> tensor<2xf32>
      llm.yield %c, %s : tensor<2xf32>, tensor<2xf32>
    }
    return %y, %z : tensor<6xf32>, tensor<6xf32>
  }
  func.func @by_rows.sums(%x: tensor<4x3xf32>, %d: tensor<4x2xf32>, %w: tensor<2x3xf32>)
      -> (tensor<4x2xf32>, tensor<2x3xf32>, tensor<3xf32>) {
    %y, %m, %v = llm.by_rows(%x, %d, %w) {row_results = 1 : i64, tiled = 2 : i64}
        : (tensor<4x3xf32>, tensor<4x2xf32>, tensor<2x3xf32>) -> (tensor<4x2xf32>, tensor<2x3xf32>, tensor<3xf32>) {
    ^bb0(%rows: tensor<2x3xf32>, %more: tensor<2x2xf32>, %matrix: tensor<2x3xf32>):
      %p = llm.linear %rows, %matrix : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>
      %t = llm.mul %p, %more : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
      %q = llm.contract %t, %rows {signature = "tv,td->vd"} : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
      %u = llm.reduce %rows {kind = "sum", signature = "td->d"} : (tensor<2x3xf32>) -> tensor<3xf32>
      llm.yield %t, %q, %u : tensor<2x2xf32>, tensor<2x3xf32>, tensor<3xf32>
    }
    return %y, %m, %v : tensor<4x2xf32>, tensor<2x3xf32>, tensor<3xf32>
  }
}
