// A decoder of two layers with everything that serving needs: embedding, blocks with rotary attention over the cache and
// gated MLP, wanted rows, log-probabilities. Small enough for the interpreter.
module attributes {llm.model = "tiny", llm.max_tokens = 16 : i64, llm.max_rows = 8 : i64, llm.max_context = 128 : i64} {
  llm.parameter @wte : tensor<48x32xf32>
  llm.parameter @norm : tensor<32xf32>
  llm.parameter @l0.norm1 : tensor<32xf32>
  llm.parameter @l0.q : tensor<32x32xf32>
  llm.parameter @l0.k : tensor<16x32xf32>
  llm.parameter @l0.v : tensor<16x32xf32>
  llm.parameter @l0.vb : tensor<16xf32>
  llm.parameter @l0.o : tensor<32x32xf32>
  llm.parameter @l0.norm2 : tensor<32xf32>
  llm.parameter @l0.gate : tensor<40x32xf32>
  llm.parameter @l0.up : tensor<40x32xf32>
  llm.parameter @l0.down : tensor<32x40xf32>
  llm.parameter @l1.norm1 : tensor<32xf32>
  llm.parameter @l1.q : tensor<32x32xf32>
  llm.parameter @l1.k : tensor<16x32xf32>
  llm.parameter @l1.v : tensor<16x32xf32>
  llm.parameter @l1.vb : tensor<16xf32>
  llm.parameter @l1.o : tensor<32x32xf32>
  llm.parameter @l1.norm2 : tensor<32xf32>
  llm.parameter @l1.gate : tensor<40x32xf32>
  llm.parameter @l1.up : tensor<40x32xf32>
  llm.parameter @l1.down : tensor<32x40xf32>

  func.func private @block(%x: tensor<?x32xf32> {llm.dim = "tokens"}, %cos: tensor<?x4xf32> {llm.dim = "tokens"},
      %sin: tensor<?x4xf32> {llm.dim = "tokens"}, %positions: tensor<?xi32> {llm.dim = "tokens"}, %batch: !llm.batch,
      %kv: !llm.kv<2, 8, 8, f32>, %norm1: tensor<32xf32>, %wq: tensor<32x32xf32>, %wk: tensor<16x32xf32>,
      %wv: tensor<16x32xf32>, %vb: tensor<16xf32>, %wo: tensor<32x32xf32>, %norm2: tensor<32xf32>,
      %wg: tensor<40x32xf32>, %wu: tensor<40x32xf32>, %wd: tensor<32x40xf32>) -> tensor<?x32xf32> {
    %n = llm.rms_norm %x, %norm1 {eps = 1.0e-05} : (tensor<?x32xf32>, tensor<32xf32>) -> tensor<?x32xf32>
    %q = llm.linear %n, %wq : (tensor<?x32xf32>, tensor<32x32xf32>) -> tensor<?x32xf32> loc("attn.q")
    %k = llm.linear %n, %wk : (tensor<?x32xf32>, tensor<16x32xf32>) -> tensor<?x16xf32>
    %v0 = llm.linear %n, %wv : (tensor<?x32xf32>, tensor<16x32xf32>) -> tensor<?x16xf32>
    %v = llm.add %v0, %vb : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
    %q3 = llm.reshape %q : (tensor<?x32xf32>) -> tensor<?x4x8xf32>
    %k3 = llm.reshape %k : (tensor<?x16xf32>) -> tensor<?x2x8xf32>
    %v3 = llm.reshape %v : (tensor<?x16xf32>) -> tensor<?x2x8xf32>
    %qr = llm.rotary %q3, %cos, %sin : (tensor<?x4x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4x8xf32>
    %kr = llm.rotary %k3, %cos, %sin : (tensor<?x2x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x2x8xf32>
    %next = llm.cache_append %kv, %kr, %v3, %batch : (!llm.kv<2, 8, 8, f32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>,
        !llm.batch) -> !llm.kv<2, 8, 8, f32>
    %a = llm.paged_attention %qr, %next, %batch, %positions {scale = 0.35355339059327379} : (tensor<?x4x8xf32>,
        !llm.kv<2, 8, 8, f32>, !llm.batch, tensor<?xi32>) -> tensor<?x4x8xf32>
    %a2 = llm.reshape %a : (tensor<?x4x8xf32>) -> tensor<?x32xf32>
    %o = llm.linear %a2, %wo : (tensor<?x32xf32>, tensor<32x32xf32>) -> tensor<?x32xf32>
    %h = llm.add %x, %o : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
    %m = llm.rms_norm %h, %norm2 {eps = 1.0e-05} : (tensor<?x32xf32>, tensor<32xf32>) -> tensor<?x32xf32>
    %g = llm.linear %m, %wg : (tensor<?x32xf32>, tensor<40x32xf32>) -> tensor<?x40xf32>
    %s = llm.silu %g : (tensor<?x40xf32>) -> tensor<?x40xf32>
    %u = llm.linear %m, %wu : (tensor<?x32xf32>, tensor<40x32xf32>) -> tensor<?x40xf32>
    %su = llm.mul %s, %u : (tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>
    %d = llm.linear %su, %wd : (tensor<?x40xf32>, tensor<32x40xf32>) -> tensor<?x32xf32>
    %y = llm.add %h, %d : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
    return %y : tensor<?x32xf32>
  }
  func.func private @trunk(%tokens: tensor<?xi32> {llm.dim = "tokens"},
      %positions: tensor<?xi32> {llm.dim = "tokens"}, %batch: !llm.batch,
      %kv0: !llm.kv<2, 8, 8, f32>, %kv1: !llm.kv<2, 8, 8, f32>, %embed: tensor<48x32xf32>,
      %n10: tensor<32xf32>, %q0: tensor<32x32xf32>, %k0: tensor<16x32xf32>, %v0: tensor<16x32xf32>,
          %vb0: tensor<16xf32>,
      %o0: tensor<32x32xf32>, %n20: tensor<32xf32>, %g0: tensor<40x32xf32>, %u0: tensor<40x32xf32>,
          %d0: tensor<32x40xf32>,
      %n11: tensor<32xf32>, %q1: tensor<32x32xf32>, %k1: tensor<16x32xf32>, %v1: tensor<16x32xf32>,
          %vb1: tensor<16xf32>,
      %o1: tensor<32x32xf32>, %n21: tensor<32xf32>, %g1: tensor<40x32xf32>, %u1: tensor<40x32xf32>,
          %d1: tensor<32x40xf32>,
      %norm: tensor<32xf32>) -> tensor<?x32xf32> {
    %frequencies = llm.constant dense<[1.0, 0.1, 0.01, 0.001]> : tensor<4xf32>
    %x = llm.gather_rows %embed, %tokens : (tensor<48x32xf32>, tensor<?xi32>) -> tensor<?x32xf32>
    %cos, %sin = llm.rotary_table %positions, %frequencies : (tensor<?xi32>, tensor<4xf32>) -> (tensor<?x4xf32>,
        tensor<?x4xf32>)
    %y = call @block(%x, %cos, %sin, %positions, %batch, %kv0, %n10, %q0, %k0, %v0, %vb0, %o0, %n20, %g0, %u0,
        %d0) : (tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, !llm.batch, !llm.kv<2, 8, 8,
        f32>, tensor<32xf32>, tensor<32x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<16xf32>,
        tensor<32x32xf32>, tensor<32xf32>, tensor<40x32xf32>, tensor<40x32xf32>, tensor<32x40xf32>)
        -> tensor<?x32xf32>
    %z = call @block(%y, %cos, %sin, %positions, %batch, %kv1, %n11, %q1, %k1, %v1, %vb1, %o1, %n21, %g1, %u1,
        %d1) : (tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, !llm.batch, !llm.kv<2, 8, 8,
        f32>, tensor<32xf32>, tensor<32x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<16xf32>,
        tensor<32x32xf32>, tensor<32xf32>, tensor<40x32xf32>, tensor<40x32xf32>, tensor<32x40xf32>)
        -> tensor<?x32xf32>
    %n = llm.rms_norm %z, %norm {eps = 1.0e-05} : (tensor<?x32xf32>, tensor<32xf32>) -> tensor<?x32xf32>
    return %n : tensor<?x32xf32>
  }
  func.func @step(%tokens: tensor<?xi32> {llm.dim = "tokens"}, %positions: tensor<?xi32> {llm.dim = "tokens"},
      %batch: !llm.batch,
      %rows: tensor<?xi32> {llm.dim = "rows"}) -> tensor<?x48xf32> {
    %kv0 = llm.cache_layer {layer = 0 : i64} : !llm.kv<2, 8, 8, f32>
    %kv1 = llm.cache_layer {layer = 1 : i64} : !llm.kv<2, 8, 8, f32>
    %embed = llm.use @wte : tensor<48x32xf32>
    %l0_norm1 = llm.use @l0.norm1 : tensor<32xf32>
    %l0_q = llm.use @l0.q : tensor<32x32xf32>
    %l0_k = llm.use @l0.k : tensor<16x32xf32>
    %l0_v = llm.use @l0.v : tensor<16x32xf32>
    %l0_vb = llm.use @l0.vb : tensor<16xf32>
    %l0_o = llm.use @l0.o : tensor<32x32xf32>
    %l0_norm2 = llm.use @l0.norm2 : tensor<32xf32>
    %l0_gate = llm.use @l0.gate : tensor<40x32xf32>
    %l0_up = llm.use @l0.up : tensor<40x32xf32>
    %l0_down = llm.use @l0.down : tensor<32x40xf32>
    %l1_norm1 = llm.use @l1.norm1 : tensor<32xf32>
    %l1_q = llm.use @l1.q : tensor<32x32xf32>
    %l1_k = llm.use @l1.k : tensor<16x32xf32>
    %l1_v = llm.use @l1.v : tensor<16x32xf32>
    %l1_vb = llm.use @l1.vb : tensor<16xf32>
    %l1_o = llm.use @l1.o : tensor<32x32xf32>
    %l1_norm2 = llm.use @l1.norm2 : tensor<32xf32>
    %l1_gate = llm.use @l1.gate : tensor<40x32xf32>
    %l1_up = llm.use @l1.up : tensor<40x32xf32>
    %l1_down = llm.use @l1.down : tensor<32x40xf32>
    %norm = llm.use @norm : tensor<32xf32>
    %h = call @trunk(%tokens, %positions, %batch, %kv0, %kv1, %embed, %l0_norm1, %l0_q, %l0_k, %l0_v, %l0_vb,
        %l0_o, %l0_norm2, %l0_gate, %l0_up, %l0_down, %l1_norm1, %l1_q, %l1_k, %l1_v, %l1_vb, %l1_o, %l1_norm2,
        %l1_gate, %l1_up, %l1_down, %norm) : (tensor<?xi32>, tensor<?xi32>, !llm.batch, !llm.kv<2, 8, 8, f32>,
        !llm.kv<2, 8, 8, f32>, tensor<48x32xf32>, tensor<32xf32>, tensor<32x32xf32>, tensor<16x32xf32>,
        tensor<16x32xf32>, tensor<16xf32>, tensor<32x32xf32>, tensor<32xf32>, tensor<40x32xf32>, tensor<40x32xf32>,
        tensor<32x40xf32>, tensor<32xf32>, tensor<32x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<16xf32>,
        tensor<32x32xf32>, tensor<32xf32>, tensor<40x32xf32>, tensor<40x32xf32>, tensor<32x40xf32>,
        tensor<32xf32>) -> tensor<?x32xf32>
    %t = llm.take %h, %rows : (tensor<?x32xf32>, tensor<?xi32>) -> tensor<?x32xf32>
    %y = llm.linear %t, %embed : (tensor<?x32xf32>, tensor<48x32xf32>) -> tensor<?x48xf32>
    return %y : tensor<?x48xf32>
  }
  func.func @score(%tokens: tensor<?xi32> {llm.dim = "tokens"}, %positions: tensor<?xi32> {llm.dim = "tokens"},
      %batch: !llm.batch,
      %targets: tensor<?xi32> {llm.dim = "tokens"}) -> tensor<?xf32> {
    %kv0 = llm.cache_layer {layer = 0 : i64} : !llm.kv<2, 8, 8, f32>
    %kv1 = llm.cache_layer {layer = 1 : i64} : !llm.kv<2, 8, 8, f32>
    %embed = llm.use @wte : tensor<48x32xf32>
    %l0_norm1 = llm.use @l0.norm1 : tensor<32xf32>
    %l0_q = llm.use @l0.q : tensor<32x32xf32>
    %l0_k = llm.use @l0.k : tensor<16x32xf32>
    %l0_v = llm.use @l0.v : tensor<16x32xf32>
    %l0_vb = llm.use @l0.vb : tensor<16xf32>
    %l0_o = llm.use @l0.o : tensor<32x32xf32>
    %l0_norm2 = llm.use @l0.norm2 : tensor<32xf32>
    %l0_gate = llm.use @l0.gate : tensor<40x32xf32>
    %l0_up = llm.use @l0.up : tensor<40x32xf32>
    %l0_down = llm.use @l0.down : tensor<32x40xf32>
    %l1_norm1 = llm.use @l1.norm1 : tensor<32xf32>
    %l1_q = llm.use @l1.q : tensor<32x32xf32>
    %l1_k = llm.use @l1.k : tensor<16x32xf32>
    %l1_v = llm.use @l1.v : tensor<16x32xf32>
    %l1_vb = llm.use @l1.vb : tensor<16xf32>
    %l1_o = llm.use @l1.o : tensor<32x32xf32>
    %l1_norm2 = llm.use @l1.norm2 : tensor<32xf32>
    %l1_gate = llm.use @l1.gate : tensor<40x32xf32>
    %l1_up = llm.use @l1.up : tensor<40x32xf32>
    %l1_down = llm.use @l1.down : tensor<32x40xf32>
    %norm = llm.use @norm : tensor<32xf32>
    %h = call @trunk(%tokens, %positions, %batch, %kv0, %kv1, %embed, %l0_norm1, %l0_q, %l0_k, %l0_v, %l0_vb,
        %l0_o, %l0_norm2, %l0_gate, %l0_up, %l0_down, %l1_norm1, %l1_q, %l1_k, %l1_v, %l1_vb, %l1_o, %l1_norm2,
        %l1_gate, %l1_up, %l1_down, %norm) : (tensor<?xi32>, tensor<?xi32>, !llm.batch, !llm.kv<2, 8, 8, f32>,
        !llm.kv<2, 8, 8, f32>, tensor<48x32xf32>, tensor<32xf32>, tensor<32x32xf32>, tensor<16x32xf32>,
        tensor<16x32xf32>, tensor<16xf32>, tensor<32x32xf32>, tensor<32xf32>, tensor<40x32xf32>, tensor<40x32xf32>,
        tensor<32x40xf32>, tensor<32xf32>, tensor<32x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<16xf32>,
        tensor<32x32xf32>, tensor<32xf32>, tensor<40x32xf32>, tensor<40x32xf32>, tensor<32x40xf32>,
        tensor<32xf32>) -> tensor<?x32xf32>
    %y = llm.linear_log_prob %h, %embed, %targets : (tensor<?x32xf32>, tensor<48x32xf32>, tensor<?xi32>)
        -> tensor<?xf32>
    return %y : tensor<?xf32>
  }
  func.func @embed(%tokens: tensor<?xi32> {llm.dim = "tokens"}, %positions: tensor<?xi32> {llm.dim = "tokens"},
      %batch: !llm.batch,
      %rows: tensor<?xi32> {llm.dim = "rows"}) -> tensor<?x32xf32> {
    %kv0 = llm.cache_layer {layer = 0 : i64} : !llm.kv<2, 8, 8, f32>
    %kv1 = llm.cache_layer {layer = 1 : i64} : !llm.kv<2, 8, 8, f32>
    %embed = llm.use @wte : tensor<48x32xf32>
    %l0_norm1 = llm.use @l0.norm1 : tensor<32xf32>
    %l0_q = llm.use @l0.q : tensor<32x32xf32>
    %l0_k = llm.use @l0.k : tensor<16x32xf32>
    %l0_v = llm.use @l0.v : tensor<16x32xf32>
    %l0_vb = llm.use @l0.vb : tensor<16xf32>
    %l0_o = llm.use @l0.o : tensor<32x32xf32>
    %l0_norm2 = llm.use @l0.norm2 : tensor<32xf32>
    %l0_gate = llm.use @l0.gate : tensor<40x32xf32>
    %l0_up = llm.use @l0.up : tensor<40x32xf32>
    %l0_down = llm.use @l0.down : tensor<32x40xf32>
    %l1_norm1 = llm.use @l1.norm1 : tensor<32xf32>
    %l1_q = llm.use @l1.q : tensor<32x32xf32>
    %l1_k = llm.use @l1.k : tensor<16x32xf32>
    %l1_v = llm.use @l1.v : tensor<16x32xf32>
    %l1_vb = llm.use @l1.vb : tensor<16xf32>
    %l1_o = llm.use @l1.o : tensor<32x32xf32>
    %l1_norm2 = llm.use @l1.norm2 : tensor<32xf32>
    %l1_gate = llm.use @l1.gate : tensor<40x32xf32>
    %l1_up = llm.use @l1.up : tensor<40x32xf32>
    %l1_down = llm.use @l1.down : tensor<32x40xf32>
    %norm = llm.use @norm : tensor<32xf32>
    %h = call @trunk(%tokens, %positions, %batch, %kv0, %kv1, %embed, %l0_norm1, %l0_q, %l0_k, %l0_v, %l0_vb,
        %l0_o, %l0_norm2, %l0_gate, %l0_up, %l0_down, %l1_norm1, %l1_q, %l1_k, %l1_v, %l1_vb, %l1_o, %l1_norm2,
        %l1_gate, %l1_up, %l1_down, %norm) : (tensor<?xi32>, tensor<?xi32>, !llm.batch, !llm.kv<2, 8, 8, f32>,
        !llm.kv<2, 8, 8, f32>, tensor<48x32xf32>, tensor<32xf32>, tensor<32x32xf32>, tensor<16x32xf32>,
        tensor<16x32xf32>, tensor<16xf32>, tensor<32x32xf32>, tensor<32xf32>, tensor<40x32xf32>, tensor<40x32xf32>,
        tensor<32x40xf32>, tensor<32xf32>, tensor<32x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<16xf32>,
        tensor<32x32xf32>, tensor<32xf32>, tensor<40x32xf32>, tensor<40x32xf32>, tensor<32x40xf32>,
        tensor<32xf32>) -> tensor<?x32xf32>
    %t = llm.take %h, %rows : (tensor<?x32xf32>, tensor<?xi32>) -> tensor<?x32xf32>
    return %t : tensor<?x32xf32>
  }
}
