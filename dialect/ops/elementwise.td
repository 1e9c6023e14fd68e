// Element-wise functions of one, two or three tensors.
#ifndef LLC_OPS_ELEMENTWISE
#define LLC_OPS_ELEMENTWISE
include "dialect/ops/base.td"

class Llm_Unary<string mnemonic, string scalar, string meaning> : Llm_Derived<mnemonic> {
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
  let signature = "*->*";
  let body = scalar;
  let summary = meaning # ", element by element";
  let description = "`y = " # scalar # "` for every element `a` of x.\n\n```mlir\n%y = llm." # mnemonic #
                    " %x : (tensor<?x64xf32>) -> tensor<?x64xf32>\n```";
}

def NegOp       : Llm_Unary<"neg", "-a", "negation">;
def ExpOp       : Llm_Unary<"exp", "exp(a)", "exponential">;
def LogOp       : Llm_Unary<"log", "log(a)", "natural logarithm">;
def SqrtOp      : Llm_Unary<"sqrt", "sqrt(a)", "square root">;
def RsqrtOp     : Llm_Unary<"rsqrt", "rsqrt(a)", "reciprocal square root">;
def TanhOp      : Llm_Unary<"tanh", "tanh(a)", "hyperbolic tangent">;
def LogisticOp  : Llm_Unary<"logistic", "logistic(a)", "logistic sigmoid">;
def SinOp       : Llm_Unary<"sin", "sin(a)", "sine">;
def CosOp       : Llm_Unary<"cos", "cos(a)", "cosine">;
def ErfOp       : Llm_Unary<"erf", "erf(a)", "Gauss error function">;
def AbsOp       : Llm_Unary<"abs", "abs(a)", "absolute value">;
def SquareOp    : Llm_Unary<"square", "a*a", "square">;
def ReluOp      : Llm_Unary<"relu", "max(a,0)", "rectified linear unit">;
def SiluOp      : Llm_Unary<"silu", "a*logistic(a)", "sigmoid linear unit (swish)">;
def GeluOp      : Llm_Unary<"gelu", "0.5*a*(1+erf(a*0.7071067811865476))", "Gaussian error linear unit, exact">;
def GeluTanhOp  : Llm_Unary<"gelu_tanh", "0.5*a*(1+tanh(0.7978845608028654*(a+0.044715*a*a*a)))",
                            "Gaussian error linear unit, tanh approximation">;
def GeluQuickOp : Llm_Unary<"gelu_quick", "a*logistic(1.702*a)", "Gaussian error linear unit, logistic approximation">;

class Llm_Binary<string mnemonic, string scalar, string meaning> : Llm_Derived<mnemonic> {
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$w, OptionalAttr<StrAttr>:$signature);
  let results = (outs AnyRankedTensor:$y);
  let signature = "%signature|*,*->*";
  let body = scalar;
  let summary = meaning # ", element by element";
  let description = "`y = " # scalar # [{` for the elements `a` of x and `b` of w. Shapes are aligned at the
right, extent 1 stretches (NumPy), or the alignment is written as `signature`. A dynamic extent never stretches.

```mlir
%y = llm.}] # mnemonic # [{ %x, %w : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
%z = llm.}] # mnemonic # [{ %x, %s {signature = "ti,t->ti"} : (tensor<?x64xf32>, tensor<?xf32>) -> tensor<?x64xf32>
```}];
}

def AddOp     : Llm_Binary<"add", "a+b", "sum">;
def SubOp     : Llm_Binary<"sub", "a-b", "difference">;
def MulOp     : Llm_Binary<"mul", "a*b", "product">;
def DivOp     : Llm_Binary<"div", "a/b", "quotient">;
def MaximumOp : Llm_Binary<"maximum", "max(a,b)", "larger of two">;
def MinimumOp : Llm_Binary<"minimum", "min(a,b)", "smaller of two">;
def PowOp     : Llm_Binary<"pow", "pow(a,b)", "power">;
def EqOp      : Llm_Binary<"eq", "eq(a,b)", "equality (1 or 0)">;
def GeOp      : Llm_Binary<"ge", "ge(a,b)", "greater or equal (1 or 0)">;
def LtOp      : Llm_Binary<"lt", "lt(a,b)", "less (1 or 0)">;

def SelectOp : Llm_Derived<"select"> {
  let summary = "x where the condition is not 0, else y";
  let description = [{
    The condition may be of any type; the result has the type of x and y. Shapes are aligned as in llm.add.

    ```mlir
    %r = llm.select %c, %x, %y : (tensor<?x1xi32>, tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$condition, AnyRankedTensor:$x, AnyRankedTensor:$y,
                       OptionalAttr<StrAttr>:$signature);
  let results = (outs AnyRankedTensor:$result);
  let signature = "%signature|*,*,*->*";
  let body = "select(a,b,c)";
  let elementFrom = "x,y";
}

def ClampOp : Llm_Derived<"clamp"> {
  let summary = "x limited to [lo, hi]";
  let description = [{
    `y = min(max(x, lo), hi)`.

    ```mlir
    %y = llm.clamp %x {lo = -1.0, hi = 1.0} : (tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, F64Attr:$lo, F64Attr:$hi);
  let results = (outs AnyRankedTensor:$y);
  let signature = "*->*";
  let body = "min(max(a,%lo),%hi)";
}

def SoftCapOp : Llm_Derived<"soft_cap"> {
  let summary = "x squashed smoothly into (-cap, cap)";
  let description = [{
    `y = cap * tanh(x / cap)`.

    ```mlir
    %y = llm.soft_cap %x {cap = 3.0e+01} : (tensor<?x32000xf32>) -> tensor<?x32000xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, F64Attr:$cap);
  let results = (outs AnyRankedTensor:$y);
  let signature = "*->*";
  let body = "tanh(a/%cap)*%cap";  // a leading % would name a text attribute
}

def ScaleOp : Llm_Derived<"scale"> {
  let summary = "x times a constant";
  let description = [{
    ```mlir
    %y = llm.scale %x {factor = 8.0} : (tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, F64Attr:$factor);
  let results = (outs AnyRankedTensor:$y);
  let signature = "*->*";
  let body = "a*%factor";
}

def ShiftOp : Llm_Derived<"shift"> {
  let summary = "x plus a constant";
  let description = [{
    ```mlir
    %y = llm.shift %x {offset = 1.0} : (tensor<64xf32>) -> tensor<64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, F64Attr:$offset);
  let results = (outs AnyRankedTensor:$y);
  let signature = "*->*";
  let body = "a+%offset";
}

def CastOp : Llm_Op<"cast", [Pure]> {
  let summary = "x converted to the element type of the result";
  let description = [{
    Floats round to nearest even; a float becomes an integer by truncation towards zero.

    ```mlir
    %y = llm.cast %x : (tensor<?x64xbf16>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
  let signature = "*->*";
  let hasFolder = 1;
}
#endif
