#!/usr/bin/env python3
"""Writes frontends/dsl/ops.h and ops.cpp: one C++ function for each op of the dialect.

  llvm-tblgen --dump-json -I . -I MLIR_INCLUDE dialect/ops/ops.td > ops.json
  dsl_ops.py ops.json OUTPUT_FOLDER

Operands become Tensor, Kv or Batch. What is left (attributes and optional operands) is one parameter if there is one of
it, else the fields of a struct for designated initialisers; a field without default must be given. Ops whose result type
does not follow from their operands take shape and element type at the end. Ops that need more (regions, symbols) are not
generated; the header names them.
"""
import json
import os
import sys

ATTRIBUTES = {  # ODS class -> C++ type
    "I64Attr": "int64_t", "F64Attr": "double", "BoolAttr": "bool", "StrAttr": "std::string",
    "DenseI64ArrayAttr": "std::vector<int64_t>", "UnitAttr": "FlagAttribute", "TypeAttr": "DType",
}
VALUES = {"Llm_Kv": "Kv", "Llm_Batch": "Batch"}
RESERVED = {"and", "or", "not", "xor", "switch", "default", "union", "register", "return"}


class Skip(Exception):
    pass


class Item:
    """An operand or attribute: its C++ type, its default (None: required), and how it is passed on."""

    def __init__(self, name, kind, cpp, default=None):
        self.name, self.kind, self.cpp, self.default = name, kind, cpp, default

    def field(self):
        if self.default is None:
            return f"  Required<{self.cpp}> {self.name};"
        return f"  {self.cpp} {self.name} = {self.default};"

    def parameter(self):
        tail = "" if self.default is None else f" = {self.default}"
        passed = self.cpp if self.cpp in ("Tensor", "Kv", "Batch", "bool", "int64_t", "double", "DType") else f"const {self.cpp} &"
        return (f"{passed}{self.name}" if passed.endswith("&") else f"{passed} {self.name}"), tail

    def value(self, prefix):
        access = prefix + self.name
        return access + ".value" if prefix and self.default is None else access


def base(records, reference):
    record = records[reference["def"]]
    return reference["def"], record, record["!superclasses"]


def operand(records, name, constraint):
    label, record, classes = base(records, constraint)
    if "Variadic" in classes:
        inner = VALUES.get(record["baseType"]["def"], "Tensor")
        return Item(name, "operand", f"std::vector<{inner}>")
    if "Optional" in classes:
        inner = VALUES.get(record["baseType"]["def"], "Tensor")
        return Item(name, "operand", inner, "{}")
    return Item(name, "operand", VALUES.get(label, "Tensor"))


def attribute(records, name, constraint):
    label, record, classes = base(records, constraint)
    if "DefaultValuedAttr" in classes:
        inner = attribute(records, name, record["baseAttr"])
        return Item(name, "attribute", inner.cpp, record["defaultValue"])
    if "OptionalAttr" in classes:
        inner = attribute(records, name, record["baseAttr"])
        return Item(name, "attribute", f"std::optional<{inner.cpp}>", "std::nullopt")
    if label not in ATTRIBUTES:
        raise Skip(f"attribute {name} of kind {label}")
    if label == "UnitAttr":
        return Item(name, "attribute", "FlagAttribute", "{}")
    return Item(name, "attribute", ATTRIBUTES[label])


def items_of(records, op):
    items = []
    for constraint, name in op["arguments"]["args"]:
        classes = records[constraint["def"]]["!superclasses"]
        make = attribute if "AttrConstraint" in classes else operand
        items.append(make(records, name, constraint))
    return items


def results_of(records, op):
    results = []
    for constraint, name in op["results"]["args"]:
        label, record, classes = base(records, constraint)
        if "Variadic" in classes or "Optional" in classes:
            raise Skip("a varying number of results")
        results.append((VALUES.get(label, "Tensor"), name))
    if not results:
        raise Skip("no result")
    return results


class Function:
    def __init__(self, records, op):
        self.name = op["opName"] + ("_" if op["opName"] in RESERVED else "")
        self.op = op["opDialect"]["def"].split("_")[0].lower() + "." + op["opName"]
        self.summary = op["summary"]
        if op["regions"]["args"]:
            raise Skip("a region")
        self.items, self.results = items_of(records, op), results_of(records, op)
        self.segments = any(trait["def"] == "AttrSizedOperandSegments" for trait in op["traits"])
        self.inferred = "Llm_InferringOp" in op["!superclasses"]
        if not self.inferred and any(kind != "Tensor" for kind, _ in self.results):
            raise Skip("a result that is no tensor and is not inferred")
        if not self.inferred and len(self.results) > 1:
            raise Skip("several results that are not inferred")
        optional_operand = lambda item: item.kind == "operand" and item.default is not None
        self.main = [item for item in self.items if item.kind == "operand" and not optional_operand(item)]
        # Optional operands first, as in the definition, then attributes.
        self.rest = [item for item in self.items if item not in self.main]
        self.struct = "".join(part.capitalize() for part in op["opName"].split("_")) + "Options" if len(self.rest) > 1 else ""

    def result_type(self):
        if len(self.results) == 1:
            return self.results[0][0]
        return "".join(part.capitalize() for part in self.name.split("_")) + "Results"

    def signature(self, with_defaults):
        parameters = [item.parameter()[0] for item in self.main]
        trailing = [] if self.inferred else ["const Shape &shape", "DType type"]
        may_default = with_defaults and self.inferred
        if self.struct:
            default = " = {}" if may_default and all(item.default is not None for item in self.rest) else ""
            parameters.append(f"const {self.struct} &options{default}")
        elif self.rest:
            text, tail = self.rest[0].parameter()
            parameters.append(text + (tail if may_default else ""))
        return f"{self.result_type()} {self.name}({', '.join(parameters + trailing)})"

    def declaration(self):
        lines = []
        if self.struct:
            lines += [f"struct {self.struct} {{"] + [item.field() for item in self.rest] + ["};"]
        if len(self.results) > 1:
            fields = " ".join(f"{kind} {name};" for kind, name in self.results)
            lines.append(f"struct {self.result_type()} {{ {fields} }};")
        return lines + [f"// {self.summary}", self.signature(True) + ";"]

    def definition(self):
        prefix = "options." if self.struct else ""
        access = lambda item: item.value(prefix if item in self.rest else "")
        operands = ", ".join(f"group({access(item)})" for item in self.items if item.kind == "operand")
        attributes = []
        for item in self.items:
            if item.kind == "attribute":
                convert = "optionalAttribute" if item.cpp.startswith("std::optional") else "Attribute"
                attributes.append(f'{{"{item.name}", {convert}({access(item)})}}')
        segments = "true" if self.segments else "false"
        tail = "" if self.inferred else ", shape, type"
        call = f'("{self.op}", {{{operands}}}, {{{", ".join(attributes)}}}, {segments}{tail})'
        if len(self.results) == 1:
            body = [f"  return {self.results[0][0]}(makeOp{call}.handle());"]
        else:
            wrapped = ", ".join(f"{kind}(results[{i}].handle())" for i, (kind, _) in enumerate(self.results))
            body = [f"  std::vector<Value> results = makeOps{call};", f"  return {{{wrapped}}};"]
        return [self.signature(False) + " {"] + body + ["}"]


def main():
    records = json.load(open(sys.argv[1]))
    functions, skipped = [], []
    for name in sorted(records["!instanceof"]["Op"]):
        op = records[name]
        try:
            functions.append(Function(records, op))
        except Skip as why:
            skipped.append(f"//   {op['opName']}: {why}")
    functions.sort(key=lambda function: function.name)
    header = ["// Written by tools/generate/dsl_ops.py from dialect/ops: one function for each op.", "#pragma once",
              '#include "frontends/dsl/ops_support.h"', "", "namespace llc::dsl {", ""]
    for function in functions:
        header += function.declaration() + [""]
    header += ["// Ops without a generated function, and what keeps them from it:"] + sorted(skipped) + ["", "}  // namespace llc::dsl"]
    source = ["// Written by tools/generate/dsl_ops.py from dialect/ops.", '#include "frontends/dsl/ops.h"', "", "namespace llc::dsl {", ""]
    for function in functions:
        source += function.definition() + [""]
    source += ["}  // namespace llc::dsl"]
    for name, lines in (("ops.h", header), ("ops.cpp", source)):
        with open(os.path.join(sys.argv[2], name), "w") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
