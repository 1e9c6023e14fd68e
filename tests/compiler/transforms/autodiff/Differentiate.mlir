// RUN: llc-opt --llm-differentiate --split-input-file --verify-diagnostics %s | FileCheck %s

// Functions without the mark stay.
// CHECK-LABEL: func.func @plain
// CHECK: llm.silu
func.func @plain(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = llm.silu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// Two calls of one block: one forward, one backward. The forward hands over what the backward reads beside its arguments
// (the product); @r, which depends on no parameter, gets no gradient. A tied parameter has one gradient.
llm.parameter @embed : tensor<8x4xf32>
llm.parameter @w : tensor<4x4xf32>

// CHECK-LABEL: func.func private @layer(
// CHECK: func.func private @layer_forward(%{{.*}}: tensor<3x4xf32>, %{{.*}}: tensor<4x4xf32>, %{{.*}}: tensor<3x4xf32>)
// CHECK-SAME: -> (tensor<3x4xf32>, tensor<3x4xf32>)
// CHECK: llm.linear
// CHECK: llm.silu
// CHECK: func.func private @layer_backward(
// CHECK-SAME: -> (tensor<3x4xf32>, tensor<4x4xf32>)
// CHECK-NOT: llm.linear
// CHECK-NOT: llm.silu
// CHECK: llm.contract
// CHECK-NOT: llm.linear
// CHECK: return
// CHECK-NOT: func.func private
func.func private @layer(%x: tensor<3x4xf32>, %w: tensor<4x4xf32>, %r: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %l = llm.linear %x, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %s = llm.silu %l : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %m = llm.mul %s, %r : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  %y = llm.add %x, %m : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// CHECK-LABEL: func.func @loss(
// CHECK-NOT: llm.differentiate
// CHECK-LABEL: func.func @loss_and_gradients(
// CHECK-SAME: -> (tensor<1xf32>, tensor<8x4xf32> {llm.gradient = "embed"}, tensor<4x4xf32> {llm.gradient = "w"})
// CHECK: %[[ONE:.*]]:2 = call @layer_forward
// CHECK: %[[TWO:.*]]:2 = call @layer_forward(%[[ONE]]#0
// CHECK: %[[BACK:.*]]:2 = call @layer_backward({{.*}}%[[TWO]]#1
// CHECK: call @layer_backward({{.*}}%[[ONE]]#1, %[[BACK]]#0)
func.func @loss(%ids: tensor<3xi32>, %r: tensor<3x4xf32>) -> tensor<1xf32> attributes {llm.differentiate} {
  %table = llm.use @embed : tensor<8x4xf32>
  %w = llm.use @w : tensor<4x4xf32>
  %x = llm.gather_rows %table, %ids : (tensor<8x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
  %a = func.call @layer(%x, %w, %r) : (tensor<3x4xf32>, tensor<4x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  %b = func.call @layer(%a, %w, %r) : (tensor<3x4xf32>, tensor<4x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  %z = llm.linear %b, %table : (tensor<3x4xf32>, tensor<8x4xf32>) -> tensor<3x8xf32>
  %flat = llm.reshape %z : (tensor<3x8xf32>) -> tensor<1x24xf32>
  %loss = llm.reduce %flat {signature = "at->a", kind = "sum"} : (tensor<1x24xf32>) -> tensor<1xf32>
  return %loss : tensor<1xf32>
}

// -----

// Nothing saved: the function itself runs forwards, the backward computes the product again.
llm.parameter @w : tensor<4x4xf32>

// CHECK-LABEL: func.func private @layer(
// CHECK: func.func private @layer_backward(
// CHECK: llm.linear
// CHECK: llm.contract
// CHECK-NOT: func.func private
func.func private @layer(%x: tensor<3x4xf32>, %w: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %l = llm.linear %x, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %s = llm.silu %l : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %s : tensor<3x4xf32>
}

// CHECK-LABEL: func.func @loss_and_gradients(
// CHECK: call @layer(
// CHECK: call @layer_backward(
func.func @loss(%x: tensor<3x4xf32>) -> tensor<1xf32> attributes {llm.differentiate = "nothing_saveable"} {
  %w = llm.use @w : tensor<4x4xf32>
  %a = func.call @layer(%x, %w) : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %flat = llm.reshape %a : (tensor<3x4xf32>) -> tensor<1x12xf32>
  %loss = llm.reduce %flat {signature = "at->a", kind = "sum"} : (tensor<1x12xf32>) -> tensor<1xf32>
  return %loss : tensor<1xf32>
}

// -----

// Products saved: the backward computes only what lies between them.
llm.parameter @w : tensor<4x4xf32>

// CHECK: func.func private @layer_forward({{.*}} -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
// CHECK: func.func private @layer_backward(
// CHECK-NOT: llm.linear
// CHECK: llm.silu
// CHECK-NOT: llm.linear
// CHECK-NOT: func.func private
func.func private @layer(%x: tensor<3x4xf32>, %w: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %l = llm.linear %x, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %s = llm.silu %l : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %m = llm.linear %s, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %t = llm.silu %m : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %t : tensor<3x4xf32>
}

// CHECK-LABEL: func.func @loss_and_gradients(
func.func @loss(%x: tensor<3x4xf32>) -> tensor<1xf32> attributes {llm.differentiate = "dots_saveable"} {
  %w = llm.use @w : tensor<4x4xf32>
  %a = func.call @layer(%x, %w) : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %flat = llm.reshape %a : (tensor<3x4xf32>) -> tensor<1x12xf32>
  %loss = llm.reduce %flat {signature = "at->a", kind = "sum"} : (tensor<1x12xf32>) -> tensor<1xf32>
  return %loss : tensor<1xf32>
}

// -----

// Nothing of mlp: its values are computed again, from what is saved before it.
llm.parameter @w : tensor<4x4xf32>

// CHECK: func.func private @layer_backward(
// CHECK-COUNT-1: llm.linear
// CHECK-NOT: llm.linear
// CHECK-NOT: func.func private
func.func private @layer(%x: tensor<3x4xf32>, %w: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %l = llm.linear %x, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32> loc("self_attn.o_proj")
  %s = llm.silu %l : (tensor<3x4xf32>) -> tensor<3x4xf32> loc("self_attn")
  %m = llm.linear %s, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32> loc("mlp.up_proj")
  %t = llm.silu %m : (tensor<3x4xf32>) -> tensor<3x4xf32> loc("mlp")
  return %t : tensor<3x4xf32>
}

// CHECK-LABEL: func.func @loss_and_gradients(
func.func @loss(%x: tensor<3x4xf32>) -> tensor<1xf32> attributes {llm.differentiate = "mlp_notsaveable"} {
  %w = llm.use @w : tensor<4x4xf32>
  %a = func.call @layer(%x, %w) : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %flat = llm.reshape %a : (tensor<3x4xf32>) -> tensor<1x12xf32>
  %loss = llm.reduce %flat {signature = "at->a", kind = "sum"} : (tensor<1x12xf32>) -> tensor<1xf32>
  return %loss : tensor<1xf32>
}

// -----

// Room for what one of two calls saves: the last one does.
llm.parameter @w : tensor<4x4xf32>

// CHECK-LABEL: func.func @loss_and_gradients(
// CHECK: %[[FIRST:[^:]*]] = call @layer(
// CHECK: %[[LAST:.*]]:2 = call @layer_forward{{.*}}(%[[FIRST]],
// CHECK: call @layer_backward{{.*}}%[[LAST]]#1
// CHECK: call @layer_backward
func.func private @layer(%x: tensor<3x4xf32>, %w: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %l = llm.linear %x, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %s = llm.silu %l : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %s : tensor<3x4xf32>
}
func.func @loss(%x: tensor<3x4xf32>) -> tensor<1xf32> attributes {llm.differentiate = "keep:48"} {
  %w = llm.use @w : tensor<4x4xf32>
  %a = func.call @layer(%x, %w) : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %b = func.call @layer(%a, %w) : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %flat = llm.reshape %b : (tensor<3x4xf32>) -> tensor<1x12xf32>
  %loss = llm.reduce %flat {signature = "at->a", kind = "sum"} : (tensor<1x12xf32>) -> tensor<1xf32>
  return %loss : tensor<1xf32>
}

// -----

llm.parameter @w : tensor<1xf32>
// expected-error @below {{keeps 'much', which is no number of bytes; to fix: write keep:1000000}}
func.func @loss() -> tensor<1xf32> attributes {llm.differentiate = "keep:much"} {
  %w = llm.use @w : tensor<1xf32>
  return %w : tensor<1xf32>
}

// -----

llm.parameter @w : tensor<1xf32>
// expected-error @below {{is marked llm.differentiate: gradient checkpointing: 'dots' is no choice of what to save; to fix: use}}
func.func @loss() -> tensor<1xf32> attributes {llm.differentiate = "dots"} {
  %w = llm.use @w : tensor<1xf32>
  return %w : tensor<1xf32>
}

// -----

// expected-error @below {{its first result is not one float; to fix: return the loss first}}
func.func @marked(%x: tensor<4xf32>) -> tensor<4xf32> attributes {llm.differentiate} {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{its loss depends on no parameter; to fix: read one with llm.use}}
func.func @marked(%x: tensor<1xf32>) -> tensor<1xf32> attributes {llm.differentiate} {
  return %x : tensor<1xf32>
}

// -----

llm.parameter @w : tensor<2x3xf32>
func.func @loss(%batch: !llm.batch, %positions: tensor<1xi32>) -> tensor<1xf32> attributes {llm.differentiate} {
  %w = llm.use @w : tensor<2x3xf32>
  %kv = llm.cache_layer {layer = 0 : i64} : !llm.kv<2, 3, 1, f32>
  %q = llm.reshape %w : (tensor<2x3xf32>) -> tensor<1x2x3xf32>
  // expected-error @below {{'llm.paged_attention' op is not differentiable: a cache belongs to inference; training uses llm.attention}}
  %a = llm.paged_attention %q, %kv, %batch, %positions {scale = 1.0}
      : (tensor<1x2x3xf32>, !llm.kv<2, 3, 1, f32>, !llm.batch, tensor<1xi32>) -> tensor<1x2x1xf32>
  %loss = llm.reduce %a {signature = "tab->t", kind = "sum"} : (tensor<1x2x1xf32>) -> tensor<1xf32>
  return %loss : tensor<1xf32>
}

// -----

llm.parameter @w : tensor<1xf32>
// expected-error @below {{calls itself, which has no derivative; to fix: remove the recursion}}
func.func private @again(%x: tensor<1xf32>) -> tensor<1xf32> {
  %y = func.call @again(%x) : (tensor<1xf32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}
func.func @loss() -> tensor<1xf32> attributes {llm.differentiate} {
  %w = llm.use @w : tensor<1xf32>
  %y = func.call @again(%w) : (tensor<1xf32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}

// -----

llm.parameter @w : tensor<1xf32>
func.func private @inner(%x: tensor<1xf32>) -> tensor<1xf32> {
  // expected-error @below {{reads a parameter in a function that is called, so that its gradient has nowhere to go}}
  %w = llm.use @w : tensor<1xf32>
  %y = llm.mul %w, %x : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}
func.func @loss() -> tensor<1xf32> attributes {llm.differentiate} {
  %w = llm.use @w : tensor<1xf32>
  %y = func.call @inner(%w) : (tensor<1xf32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}

// -----

// Loss scaling: the gradient of the loss by itself is an argument; the loss stays what it is.
llm.parameter @w : tensor<1xf32>

// CHECK-LABEL: func.func @scaled_and_gradients(
// CHECK-SAME: %[[X:.*]]: tensor<1xf32> {llm.name = "x"}, %[[SCALE:.*]]: tensor<1xf32> {llm.name = "loss_scale"})
// CHECK-SAME: -> (tensor<1xf32> {llm.name = "loss"}, tensor<1xf32> {llm.gradient = "w"})
// CHECK: %[[LOSS:.*]] = llm.mul
// CHECK: %[[G:.*]] = llm.generic %[[SCALE]], %[[X]] {body = "a*b"
// CHECK: return %[[LOSS]], %[[G]]
func.func @scaled(%x: tensor<1xf32> {llm.name = "x"}) -> (tensor<1xf32> {llm.name = "loss"})
    attributes {llm.differentiate, llm.scale_loss = "loss_scale"} {
  %w = llm.use @w : tensor<1xf32>
  %y = llm.mul %w, %x : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}

// -----

// silu of the gate, which is kept, is made again where its product is taken apart; silu that a product reads is kept.
llm.parameter @gate : tensor<4x4xf32>
llm.parameter @down : tensor<4x4xf32>

// CHECK: func.func private @gated_forward(
// CHECK-SAME: -> (tensor<3x4xf32>, tensor<3x4xf32>)
// CHECK: func.func private @gated_backward(
// CHECK: llm.silu
// CHECK: return
func.func private @gated(%x: tensor<3x4xf32>, %w: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %g = llm.linear %x, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %s = llm.silu %g : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %y = llm.mul %s, %x : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}
// CHECK: func.func private @plain_forward(
// CHECK-SAME: -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
// CHECK: func.func private @plain_backward(
// CHECK-NOT: llm.silu
// CHECK: return
func.func private @plain(%x: tensor<3x4xf32>, %w: tensor<4x4xf32>, %down: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %h = llm.linear %x, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %s = llm.silu %h : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %y = llm.linear %s, %down : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}
func.func @loss(%x: tensor<3x4xf32>) -> tensor<1xf32> attributes {llm.differentiate} {
  %w = llm.use @gate : tensor<4x4xf32>
  %down = llm.use @down : tensor<4x4xf32>
  %a = func.call @gated(%x, %w) : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %b = func.call @plain(%a, %w, %down) : (tensor<3x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %flat = llm.reshape %b : (tensor<3x4xf32>) -> tensor<1x12xf32>
  %loss = llm.reduce %flat {signature = "at->a", kind = "sum"} : (tensor<1x12xf32>) -> tensor<1xf32>
  return %loss : tensor<1xf32>
}

// -----

// Another shape of what is kept is no second value, and a normalization of what is kept is made again.
llm.parameter @weight : tensor<4xf32>
llm.parameter @wide : tensor<4x4xf32>

// CHECK: func.func private @normed_forward(
// CHECK-SAME: -> (tensor<3x4xf32>, tensor<3x4xf32>)
// CHECK: %[[NORM:.*]] = llm.rms_norm
// CHECK: %[[H:.*]] = llm.linear %[[NORM]]
// CHECK: return %{{.*}}, %[[H]]
// CHECK: func.func private @normed_backward(
// CHECK: llm.rms_norm
// CHECK: return
func.func private @normed(%x: tensor<3x4xf32>, %g: tensor<4xf32>, %w: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %n = llm.rms_norm %x, %g : (tensor<3x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  %h = llm.linear %n, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %heads = llm.reshape %h : (tensor<3x4xf32>) -> tensor<3x2x2xf32>
  %t = llm.tanh %heads : (tensor<3x2x2xf32>) -> tensor<3x2x2xf32>
  %m = llm.mul %t, %heads : (tensor<3x2x2xf32>, tensor<3x2x2xf32>) -> tensor<3x2x2xf32>
  %flat = llm.reshape %m : (tensor<3x2x2xf32>) -> tensor<3x4xf32>
  return %flat : tensor<3x4xf32>
}
func.func @loss(%x: tensor<3x4xf32>) -> tensor<1xf32> attributes {llm.differentiate} {
  %g = llm.use @weight : tensor<4xf32>
  %w = llm.use @wide : tensor<4x4xf32>
  %a = func.call @normed(%x, %g, %w) : (tensor<3x4xf32>, tensor<4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %flat = llm.reshape %a : (tensor<3x4xf32>) -> tensor<1x12xf32>
  %loss = llm.reduce %flat {signature = "at->a", kind = "sum"} : (tensor<1x12xf32>) -> tensor<1xf32>
  return %loss : tensor<1xf32>
}
