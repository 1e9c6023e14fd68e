// What a mistake on the command line is reported as: for llc-model, compiled programs and compiled trainers alike.
#pragma once
#include <CLI/CLI.hpp>

#include "runtime/base/status.h"

namespace llc {

// Names what nobody understood, with the nearest names, before what is missing because of it.
Error usageError(const CLI::App &app, const CLI::ParseError &error);

}  // namespace llc
